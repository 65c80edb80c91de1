"""What the routes of keys share, also those of other features."""

from typing import Annotated

from fastapi import Depends, Request, Response

from app.extensions.api_keys.models import ApiKey
from app.extensions.api_keys.schemas import ApiKeyCreated


def _address(request: Request) -> str:
    return request.client.host if request.client else ""


# The address of the caller, which is recorded.
Address = Annotated[str, Depends(_address)]


def shown_once(response: Response, key: ApiKey, text: str) -> ApiKeyCreated:
    """Return a new key with its text, in an answer that nobody may store."""
    response.headers["Cache-Control"] = "no-store"
    return ApiKeyCreated.model_validate({**key.model_dump(), "key": text})
