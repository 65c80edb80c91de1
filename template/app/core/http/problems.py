"""Body of every error response: RFC 9457 problem+json with a stable `code`."""

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from pydantic import BaseModel, Field
from starlette.responses import Response

from app.core.context import IDS, request_id

MEDIA_TYPE = "application/problem+json"

# Python 3.13 took over the names of RFC 9110. Codes must be the same on Python 3.11.
_RENAMED = {
    413: "Content Too Large",
    414: "URI Too Long",
    416: "Range Not Satisfiable",
    422: "Unprocessable Content",
}


class FieldError(BaseModel):
    """One wrong value of a request."""

    location: list[str | int] = Field(description="`body`, `query` or `path`, then the field names")
    message: str
    type: str = Field(description="Stable name of the rule, as in Pydantic")


class Problem(BaseModel):
    """Body of every error response (RFC 9457)."""

    type: str = Field(default="about:blank", description="Always `about:blank`: read `code`")
    title: str = Field(description="Name of the HTTP status")
    status: int
    detail: str = Field(description="One sentence for people")
    code: str = Field(description="Stable name of the error, for programs")
    request_id: str | None = Field(default=None, description="Id of the request in the logs")
    errors: list[FieldError] = Field(default_factory=list, description="Wrong values, with 422")


def problem(
    status: int,
    code: str,
    detail: str,
    *,
    headers: Mapping[str, str] | None = None,
    errors: list[FieldError] | None = None,
    members: Mapping[str, Any] | None = None,
) -> Response:
    """Build an error response; `members` are more members of its body."""
    body = Problem(
        title=status_phrase(status),
        status=status,
        detail=detail,
        code=code,
        request_id=request_id.get(),
        errors=errors or [],
    )
    content = body.model_dump(exclude_none=True, exclude={"errors"} if not errors else None)
    ids = {name: value for name, read in IDS.items() if (value := read()) is not None}
    # JSONResponse would write UTF-8, which cannot encode a lone surrogate that a detail repeats.
    text = json.dumps({**(members or {}), **content, **ids}, separators=(",", ":"))
    return Response(text, status, headers, MEDIA_TYPE)


def status_phrase(status: int) -> str:
    """Return the name of an HTTP status, the same with every version of Python."""
    return _RENAMED.get(status) or HTTPStatus(status).phrase
