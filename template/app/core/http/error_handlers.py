"""Turns exceptions into problem responses.

Responses tell nothing internal: an unexpected error is logged with its traceback, and its response
has the request id only.
"""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from asyncpg.exceptions import InterfaceError, InternalClientError, PostgresConnectionError
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import iter_route_contexts
from kombu.exceptions import OperationalError as BrokerError
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError
from sqlalchemy import exc as sa
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Match
from starlette.types import Scope

from app.core.errors import AppError
from app.core.failures import Failure, report
from app.core.features import owner_of
from app.core.http.problems import FieldError, problem, status_phrase
from app.core.logging import get_logger

Handler = Callable[[Request, Any], Awaitable[Response]]

log = get_logger(__name__)


def add_error_handlers(app: FastAPI) -> None:
    """Register a handler for each kind of exception on `app`.

    The handlers are coroutines because a plain function would wait for a free thread of the pool
    that blocking routes use.
    """
    handlers: dict[type[Exception], Handler] = {
        AppError: _app_error,
        HTTPException: _http_error,
        RequestValidationError: _validation_error,
        sa.DBAPIError: _database_error,
        OSError: _os_error,
    }
    for kind in (sa.TimeoutError, PostgresConnectionError, InterfaceError, InternalClientError):
        handlers[kind] = partial(_unavailable, "database")
    for kind in (BrokerError, RedisConnectionError, RedisTimeoutError):
        handlers[kind] = partial(_unavailable, "queue")
    reporting = {kind: partial(_reported, handler) for kind, handler in handlers.items()}
    app.exception_handlers.update(reporting)


async def _reported(handler: Handler, request: Request, error: Exception) -> Response:
    response = await handler(request, error)
    if response.status_code >= 500:
        report_request(request.scope, error)
    return response


async def _app_error(_request: Request, error: AppError) -> Response:
    headers = {}
    if error.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    if error.retry_after is not None:
        headers["Retry-After"] = str(error.retry_after)
    return problem(error.status, error.code, error.detail, headers=headers, members=error.members)


async def _http_error(request: Request, error: HTTPException) -> Response:
    headers = dict(error.headers or {})
    if error.status_code == 405:
        headers["Allow"] = _allowed_methods(request) or headers.get("Allow", "")
    phrase = status_phrase(error.status_code)
    code = phrase.lower().replace("'", "").replace(" ", "_").replace("-", "_")
    detail = error.detail if error.detail != phrase else f"{phrase}."
    return problem(error.status_code, code, detail, headers=headers)


async def _validation_error(_request: Request, error: RequestValidationError) -> Response:
    errors = [
        FieldError(location=list(item["loc"]), message=item["msg"], type=item["type"])
        for item in error.errors()
    ]
    return problem(
        422, "invalid_request", "The request has wrong or unknown values.", errors=errors
    )


async def _database_error(request: Request, error: sa.DBAPIError) -> Response:
    state = str(getattr(error.orig, "sqlstate", None) or "")
    if state.startswith("22") or isinstance(error, sa.DataError):
        # A value passed our schema, but Postgres cannot store it: a NUL character, for example.
        return problem(422, "unstorable_value", "A value cannot be stored: check the text sent.")
    if state == "42501" and "row-level security" in str(error.orig):
        # Without these words, a grant is missing, which is a bug of ours.
        return problem(403, "row_forbidden", "You are not allowed to write this row.")
    if (
        error.connection_invalidated
        or isinstance(error, (sa.OperationalError, sa.InterfaceError))
        or state.startswith(("08", "57P", "53"))
    ):
        return await _unavailable("database", request, error)
    return unexpected_error(error)


async def _os_error(request: Request, error: OSError) -> Response:
    # asyncpg raises refused connections as they are. Errors of files have a file name.
    if error.filename is None:
        return await _unavailable("database", request, error)
    return unexpected_error(error)


async def _unavailable(service: str, _request: Request, error: Exception) -> Response:
    log.error(f"{service}_unavailable", error=f"{type(error).__name__}: {error}"[:300])
    detail = f"The {service} does not answer; try again shortly."
    return problem(503, f"{service}_unavailable", detail, headers={"Retry-After": "5"})


def report_request(scope: Scope, error: Exception) -> None:
    """Report that a request ended with an error of ours."""
    method = scope.get("method", "WEBSOCKET")
    matching = (
        route.path
        for route in iter_route_contexts(scope["app"].routes)
        if route.path and route.matches(scope)[0] is Match.FULL
    )
    feature = owner_of(getattr(scope.get("endpoint"), "__module__", ""))
    report(Failure("request", f"{method} {next(matching, 'no route')}", feature, error))


def unexpected_error(error: Exception) -> Response:
    """Log an error, and return a response that does not reveal it."""
    log.error("unexpected_error", exc_info=error)
    return problem(500, "internal_error", "Something went wrong on our side.")


def _allowed_methods(request: Request) -> str:
    """Every method of a path (RFC 9110, 10.2.1); the exception has those of one route only."""
    methods: set[str] = set()
    for route in iter_route_contexts(request.app.routes):
        match, _ = route.matches(request.scope)
        if match is not Match.NONE:
            methods |= route.methods or set()
    return ", ".join(sorted(methods))
