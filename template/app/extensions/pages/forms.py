"""Reads a form with a model of Pydantic, and keeps what was typed for the page that shows errors.

form = await read_form(request, ItemCreate)
if form.data is None:
    return page(request, "items/form.html", status=422, values=form.values, errors=form.errors)
await service.create_item(session, user.id, form.data)
return see_other(request, list_items, message="The item was added.")
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, get_origin
from urllib.parse import urlencode

from fastapi import Request
from pydantic import BaseModel, ValidationError
from starlette.responses import RedirectResponse

from app.extensions.pages.addresses import address
from app.extensions.pages.messages import add_message

Model = TypeVar("Model", bound=BaseModel)

# Pydantic's words are for programmers. By the name of the rule; `{}` has its values.
SENTENCES = {
    "missing": "Please fill this in.",
    "string_too_long": "At most {max_length} characters, please.",
    "string_too_short": "At least {min_length} characters, please.",
    "too_short": "Please choose at least one.",
    "int_parsing": "Please enter a whole number.",
}


@dataclass(frozen=True)
class Form(Generic[Model]):
    """A form that was sent."""

    values: dict[str, Any]  # as they were typed
    errors: dict[str, str]  # name of a field to one sentence; empty for the form as a whole
    data: Model | None  # None if there are errors


async def read_form(request: Request, model: type[Model]) -> Form[Model]:
    """Read the fields of a model from the body of a request.

    Browsers send an empty text for a field without a value, and nothing for a box that is not
    checked. So an empty text is None where the field allows it, and a missing box is False. A list
    has what all fields with its name have.
    """
    sent = await request.form()
    values: dict[str, Any] = {}
    for name, field in model.model_fields.items():
        if field.annotation is bool:
            values[name] = name in sent
        elif get_origin(field.annotation) is list:
            values[name] = [each for each in sent.getlist(name) if isinstance(each, str)]
        elif isinstance(text := sent.get(name, ""), str):
            # A browser ends lines with CR LF (RFC 7578).
            values[name] = text.replace("\r\n", "\n")
    entered = {
        name: None if value == "" and model.model_fields[name].default is None else value
        for name, value in values.items()
    }
    try:
        return Form(values, {}, model.model_validate(entered))
    except ValidationError as error:
        return Form(values, _sentences(error), None)


def see_other(
    request: Request,
    endpoint: Callable[..., Any],
    *,
    message: str = "",
    back: Callable[..., Any] | str = "",
    **values: Any,
) -> RedirectResponse:
    """Lead the browser to a page after a change.

    Args:
        request: the request for the change.
        endpoint: the page.
        message: the page shows it once.
        back: a page to which that page links: its path or, without values in it, its function.
        values: the values in the path of the page.
    """
    if message:
        add_message(request, message)
    there = back if isinstance(back, str) else address(request, back)
    query = f"?{urlencode({'back': there})}" if there else ""
    return RedirectResponse(f"{address(request, endpoint, **values)}{query}", 303)


def _sentences(error: ValidationError) -> dict[str, str]:
    found: dict[str, str] = {}
    for each in error.errors():
        name = str(each["loc"][0]) if each["loc"] else ""
        context = each.get("ctx", {})
        kind = each["type"]
        if kind == "string_too_short" and not each["input"].strip():
            kind = "missing"
        # Other messages may repeat what was typed, so they are not templates of `format_map`.
        sentence = (
            SENTENCES[kind].format_map(context)
            if kind in SENTENCES
            else each["msg"].removeprefix("Value error, ")
        )
        found.setdefault(name, sentence)
    return found
