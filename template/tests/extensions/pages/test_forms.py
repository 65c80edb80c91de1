"""What is wrong with a form, in the words of a page."""

from typing import Annotated
from urllib.parse import urlencode
from uuid import UUID

import pytest
from fastapi import Request
from pydantic import AfterValidator, Field
from starlette.types import Message

from app.core.http.schemas import RequestModel
from app.extensions.pages.forms import read_form


def _refuse(_value: str) -> str:
    raise ValueError("Please name a {colour}.")


class Tea(RequestModel):
    """A field whose message of Pydantic repeats the input, and one with a message of its own."""

    number: UUID
    colour: Annotated[str, AfterValidator(_refuse)]
    name: Annotated[str, Field(min_length=1)] = "Assam"


def sent(**fields: str) -> Request:
    """A request with a form."""
    body = urlencode(fields).encode()
    kind = (b"content-type", b"application/x-www-form-urlencoded")

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    return Request({"type": "http", "method": "POST", "headers": [kind]}, receive)


@pytest.mark.parametrize("typed", ["{", "{error.__class__}", "{}"], ids=["open", "name", "empty"])
async def test_a_text_with_braces_is_a_mistake_and_no_failure(typed: str) -> None:
    form = await read_form(sent(number=typed, colour="green"), Tea)
    assert form.errors["number"].startswith("Input should be a valid UUID")
    assert form.errors["colour"] == "Please name a {colour}."


async def test_a_text_of_spaces_is_missing() -> None:
    form = await read_form(sent(name="   "), Tea)
    assert form.errors["name"] == "Please fill this in."
