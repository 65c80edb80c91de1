"""Actions: operations of a view on its rows, besides editing.

GET shows a form with the selected rows. Only the POST of this form performs the action.
"""

import functools
import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

import sqladmin
from pydantic import BaseModel, ValidationError
from sqlmodel.ext.asyncio.session import AsyncSession
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app.core.errors import AppError, InvalidError
from app.extensions.admin import audit
from app.extensions.admin.views import View

MAX_ROWS = 100

# A method of a view. It gets the request, a session whose changes are recorded, and the primary
# key of a row. It commits, as services do, and may return the next page.
Handler = Callable[[Any, Request, AsyncSession, Any], Awaitable[Response | None]]
Model = TypeVar("Model", bound=BaseModel)

KEY_FIELD = "idempotency_key"


class Input(NamedTuple):
    """A field of an action's form; `type` is that of HTML."""

    name: str
    label: str
    type: str = "text"


def validate_form(model: type[Model], values: Mapping[str, Any]) -> Model:
    """Return the values of a form as a model.

    Raises:
        InvalidError: a value is wrong; the message names the first such field.
    """
    try:
        return model.model_validate({name: values.get(name) for name in model.model_fields})
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0]).replace("_", " ").capitalize()
        raise InvalidError(f"{name}: {first['msg']}.") from error


async def parse_form(request: Request, model: type[Model]) -> Model:
    """Return the form of a request as a model, see `validate_form`."""
    return validate_form(model, await request.form())


async def idempotency_key(request: Request) -> str:
    """Return the random key of an action's form, which a second submission repeats."""
    return str((await request.form()).get(KEY_FIELD, ""))[:100]


def action(
    label: str,
    question: str,
    *,
    inputs: Sequence[Input] = (),
    reason: bool = False,
    in_list: bool = True,
) -> Callable[[Handler], Any]:
    """Decorate a method of a view as an action on one row or on the rows selected in the list.

    Args:
        label: the text of the button.
        question: the sentence above the form.
        inputs: the fields of the form; the method reads them with `parse_form`.
        reason: whether the form requires a reason, which the audit log stores.
        in_list: whether the action is offered for several rows at once.
    """

    def decorate(handler: Handler) -> Any:
        name = handler.__name__

        @functools.wraps(handler)
        async def endpoint(view: View, request: Request) -> Response:
            rows = await _selected_rows(view, request)
            context: dict[str, Any] = {
                "view": view,
                "label": label,
                "question": question,
                "inputs": inputs,
                "reason": reason,
                "rows": rows,
            }
            if request.method != "POST":
                context |= {"values": {}, "key": secrets.token_urlsafe(16)}
                return await view.templates.TemplateResponse(request, "admin/action.html", context)
            form = await request.form()
            given = str(form.get("reason", "")).strip()[:500] or None
            errors: list[tuple[str, AppError]] = []
            if reason and not given:
                errors.append(("Reason", InvalidError("Give a reason.", code="reason_required")))
            next_page: Response | None = None
            for row in () if errors else rows:
                try:
                    with audit.named_action(name, given):
                        async with view.session_maker() as session:
                            key = getattr(row, view.pk_columns[0].name)
                            next_page = await handler(view, request, session, key)
                except AppError as error:
                    errors.append((view.title(row), error))
            if errors:
                context |= {"errors": errors, "values": form, "key": await idempotency_key(request)}
                return await view.templates.TemplateResponse(
                    request, "admin/action.html", context, status_code=409
                )
            return next_page or RedirectResponse(_return_url(view, request, rows), 303)

        decorator = sqladmin.action(name=name, label=label, add_in_list=in_list)
        return decorator(endpoint)

    return decorate


async def _selected_rows(view: View, request: Request) -> list[Any]:
    keys = [key for key in request.query_params.get("pks", "").split(",") if key][:MAX_ROWS]
    rows = [row for key in keys if (row := await view.get_object_for_delete(key))]
    if not rows:
        raise HTTPException(400, "No row is selected. Go back and select the rows first.")
    return rows


def _return_url(view: View, request: Request, rows: list[Any]) -> str:
    if len(rows) > 1:
        return str(request.url_for("admin:list", identity=view.identity))
    return str(request.url_for("admin:details", identity=view.identity, pk=view.key(rows[0])))
