"""Every error answer in one shape: RFC 9457 problem+json with a stable `code`.

Nothing internal leaves the process: an unexpected error is logged with its traceback and answered
with its request id alone.
"""

import json
import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from asyncpg.exceptions import DataError, InterfaceError, PostgresConnectionError
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from kombu.exceptions import OperationalError as BrokerError
from pydantic import BaseModel, Field
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError
from sqlalchemy import exc as sa
from starlette.exceptions import HTTPException
from starlette.routing import Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.core.context import request_id
from app.core.errors import AppError
from app.core.logging import get_logger

MEDIA_TYPE = "application/problem+json"

# RFC 9110 renamed these, and Python did with 3.13: a code must not depend on the interpreter.
_RENAMED = {
    413: "Content Too Large",
    414: "URI Too Long",
    416: "Range Not Satisfiable",
    422: "Unprocessable Content",
}

log = get_logger(__name__)


class FieldError(BaseModel):
    """One wrong value of a request."""

    location: list[str | int] = Field(description="Where: `body`, `query` or `path`, then the name")
    message: str
    type: str = Field(description="Stable name of the rule, as Pydantic calls it")


class Problem(BaseModel):
    """Body of every error answer (RFC 9457)."""

    type: str = Field(default="about:blank", description="No further page: read `code`")
    title: str = Field(description="The HTTP status in words")
    status: int
    detail: str = Field(description="One sentence for people")
    code: str = Field(description="Stable name of the error, for programs")
    request_id: str | None = Field(default=None, description="Find it in the logs by this")
    errors: list[FieldError] = Field(default_factory=list, description="Wrong values, with 422")


class ProblemResponse(JSONResponse):
    """A `Problem` as an answer."""

    media_type = MEDIA_TYPE

    def render(self, content: Any) -> bytes:
        """ASCII alone: a sentence may repeat what was sent, and JSON can hold what UTF-8 cannot."""
        return json.dumps(content, separators=(",", ":")).encode("ascii")


def problem(
    status: int,
    code: str,
    detail: str,
    *,
    headers: Mapping[str, str] | None = None,
    errors: list[FieldError] | None = None,
    members: Mapping[str, Any] | None = None,
) -> ProblemResponse:
    """Build the answer for an error; `members` are added to those that every problem has."""
    body = Problem(
        title=_phrase(status),
        status=status,
        detail=detail,
        code=code,
        request_id=request_id.get(),
        errors=errors or [],
    )
    content = body.model_dump(exclude_none=True, exclude={"errors"} if not errors else None)
    return ProblemResponse(
        {**(members or {}), **content},
        status_code=status,
        headers=dict(headers) if headers else None,
    )


class UnexpectedErrors:
    """Answers what no handler knows.

    Starlette's own place for that is around all middleware, whose headers and request id such an
    answer would lack.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        started = False

        async def watched(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self.app(scope, receive, watched)
        except Exception as error:
            if started or scope["type"] != "http":
                raise
            await _unexpected(error)(scope, receive, send)


def install_problems(app: FastAPI, *, debug: bool) -> None:
    """Register the handlers of all errors on `app`; call it before middleware is added.

    They are coroutines as others would wait for a thread, behind all routes that block.
    """
    app.add_exception_handler(AppError, _app_error)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(RequestValidationError, _validation_error)
    for kind in (sa.DBAPIError, sa.TimeoutError, PostgresConnectionError, InterfaceError, OSError):
        app.add_exception_handler(kind, _database_error)
    for kind in (BrokerError, RedisConnectionError, RedisTimeoutError):
        app.add_exception_handler(kind, _redis_error)
    if not debug:
        app.add_middleware(UnexpectedErrors)


async def _app_error(_request: Request, error: Exception) -> ProblemResponse:
    assert isinstance(error, AppError)
    headers = {}
    if error.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    if error.retry_after is not None:
        headers["Retry-After"] = str(error.retry_after)
    return problem(error.status, error.code, error.detail, headers=headers, members=error.members)


async def _http_error(request: Request, error: Exception) -> ProblemResponse:
    assert isinstance(error, HTTPException)
    headers = dict(error.headers or {})
    if error.status_code == 405:
        headers["Allow"] = ", ".join(_methods(request))
    phrase = _phrase(error.status_code)
    code = re.sub(r"[ -]", "_", phrase.lower().replace("'", ""))
    detail = error.detail if error.detail != phrase else f"{phrase}."
    return problem(error.status_code, code, detail, headers=headers)


async def _validation_error(_request: Request, error: Exception) -> ProblemResponse:
    assert isinstance(error, RequestValidationError)
    errors = [
        FieldError(location=list(item["loc"]), message=item["msg"], type=item["type"])
        for item in error.errors()
    ]
    return problem(
        422, "invalid_request", "The request has wrong or unknown values.", errors=errors
    )


async def _database_error(_request: Request, error: Exception) -> ProblemResponse:
    if _is_data_error(error):
        # The value passed our schema and Postgres still cannot store it: a NUL character, say.
        return problem(422, "unstorable_value", "A value cannot be stored: check the text sent.")
    if _is_refused_row(error):
        return problem(403, "row_forbidden", "This row is not yours to write.")
    if _is_outage(error):
        log.error("database_unavailable", error=f"{type(error).__name__}: {error}"[:300])
        return problem(
            503,
            "database_unavailable",
            "The database does not answer; try again shortly.",
            headers={"Retry-After": "5"},
        )
    return _unexpected(error)


async def _redis_error(_request: Request, error: Exception) -> ProblemResponse:
    log.error("redis_unavailable", error=f"{type(error).__name__}: {error}"[:300])
    return problem(
        503,
        "queue_unavailable",
        "The task queue does not answer; try again shortly.",
        headers={"Retry-After": "5"},
    )


def _unexpected(error: Exception) -> ProblemResponse:
    log.error("unexpected_error", exc_info=error)
    return problem(500, "internal_error", "Something went wrong on our side.")


def _methods(request: Request) -> list[str]:
    """Every method of a path (RFC 9110, 10.2.1); Starlette names those of its first route alone."""
    return [
        method
        for method in ("GET", "POST", "PUT", "PATCH", "DELETE")
        if any(
            route.matches({**request.scope, "method": method})[0] is Match.FULL
            for route in request.app.routes
        )
    ]


def _phrase(status: int) -> str:
    return _RENAMED.get(status) or HTTPStatus(status).phrase


def _is_data_error(error: Exception) -> bool:
    """SQLSTATE class 22, data exception, reported by the server or by the driver."""
    original = getattr(error, "orig", None)
    state: Any = getattr(original, "sqlstate", None) or ""
    return isinstance(error, sa.DataError) or (
        isinstance(error, sa.DBAPIError)
        and (
            str(state).startswith("22")
            or isinstance(getattr(original, "__cause__", None), DataError)
        )
    )


def _is_refused_row(error: Exception) -> bool:
    """A policy refused a row in a session that acts as a user; a missing grant is a bug of ours."""
    original = getattr(error, "orig", None)
    return getattr(original, "sqlstate", None) == "42501" and "row-level security" in str(original)


def _is_outage(error: Exception) -> bool:
    """Connection refused, cut or not to be had."""
    if isinstance(error, OSError):
        # asyncpg lets refused connections through as they are; those of files name the file.
        return error.filename is None
    if isinstance(error, sa.DBAPIError):
        state = str(getattr(error.orig, "sqlstate", None) or "")
        return (
            error.connection_invalidated
            or isinstance(error, (sa.OperationalError, sa.InterfaceError))
            or state.startswith(("08", "57P", "53"))
        )
    return True
