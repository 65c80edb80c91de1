"""What can be done to rows besides editing them.

A GET asks, with all that it will be done to, and only the POST of that page does it.
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

MOST_ROWS = 100

# Given the view, the request, a session that records, and a row's key as the column has it. It
# commits, as services do, and may say where to go next.
Work = Callable[[Any, Request, AsyncSession, Any], Awaitable[Response | None]]
Model = TypeVar("Model", bound=BaseModel)

# In the form of an action, another word each time that it is asked: whoever sends it twice, sends
# the same one, and a service that knows keys does it once.
ONCE = "once"


class Input(NamedTuple):
    """What an action asks for besides a reason: a field of its form, of a type of HTML."""

    name: str
    label: str
    type: str = "text"


def fitted(model: type[Model], values: Mapping[str, Any]) -> Model:
    """Return what a form says, by the fields of a model.

    Raises:
        InvalidError: it does not fit; the text names the first field that does not.
    """
    try:
        return model.model_validate({name: values.get(name) for name in model.model_fields})
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0]).replace("_", " ").capitalize()
        raise InvalidError(f"{name}: {first['msg']}.") from error


async def told(request: Request, model: type[Model]) -> Model:
    """`fitted` for the form of an action."""
    return fitted(model, {**await request.form()})


async def once(request: Request) -> str:
    """Return the word by which a form that is sent twice is known."""
    return str((await request.form()).get(ONCE, ""))[:100]


def action(
    label: str,
    ask: str,
    *,
    inputs: Sequence[Input] = (),
    reason: bool = False,
    in_list: bool = True,
) -> Callable[[Work], Any]:
    """Decorate a method of a view: it becomes an action on one row, or on those chosen in the list.

    Args:
        label: of the button.
        ask: the question, in one sentence, that is asked before anything happens.
        inputs: what else has to be said; the method takes it by `told`.
        reason: whether a reason has to be given, which the audit log keeps.
        in_list: whether several rows at once can be chosen for it.
    """

    def decorate(work: Work) -> Any:
        name = work.__name__

        @functools.wraps(work)
        async def endpoint(view: View, request: Request) -> Response:
            rows = await _chosen(view, request)
            context = {"view": view, "label": label, "ask": ask, "reason": reason, "rows": rows}
            context |= {"inputs": inputs, "values": {}, ONCE: secrets.token_urlsafe(16)}
            if request.method != "POST":
                return await view.templates.TemplateResponse(request, "admin/ask.html", context)
            form = await request.form()
            given = str(form.get("reason", "")).strip()
            refusals: list[str] = []
            if reason and not given:
                refusals.append("Give a reason.")
            next_page: Response | None = None
            for row in rows if not refusals else ():
                try:
                    with audit.doing(name, given[:500] or None):
                        async with view.session_maker() as session:
                            key = getattr(row, view.pk_columns[0].name)
                            next_page = await work(view, request, session, key)
                except AppError as error:
                    refusals.append(f"{view.title(row)}: {error.detail}")
            if refusals:
                context |= {"refusals": refusals, "given": given, "values": form}
                context[ONCE] = form.get(ONCE, "")
                return await view.templates.TemplateResponse(
                    request, "admin/ask.html", context, status_code=409
                )
            return next_page or RedirectResponse(_back(view, request, rows), 303)

        decorator = sqladmin.action(name=name, label=label, add_in_list=in_list)
        return decorator(endpoint)

    return decorate


async def _chosen(view: View, request: Request) -> list[Any]:
    keys = [key for key in request.query_params.get("pks", "").split(",") if key][:MOST_ROWS]
    rows = [row for key in keys if (row := await view.get_object_for_delete(key))]
    if not rows:
        raise HTTPException(400, "Choose the rows first: go back and tick them.")
    return rows


def _back(view: View, request: Request, rows: list[Any]) -> str:
    if len(rows) > 1:
        return str(request.url_for("admin:list", identity=view.identity))
    return str(request.url_for("admin:details", identity=view.identity, pk=view.key(rows[0])))
