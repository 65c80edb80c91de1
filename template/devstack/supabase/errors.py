"""Errors in the two formats of Supabase Auth."""

from http import HTTPStatus
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse

from devstack.supabase.storage.errors import unknown_route

VERSION_HEADER = "x-supabase-api-version"
VERSION = "2024-01-01"


class AuthError(Exception):
    """A response other than 200."""

    def __init__(self, status: int, code: str, message: str, **details: Any) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.details = details


def invalid(message: str) -> AuthError:
    """The request does not have the right form."""
    return AuthError(400, "validation_failed", message)


def auth_error(request: Request, error: Exception) -> JSONResponse:
    """Turn an AuthError into a response, in the format of the API version that was asked for."""
    assert isinstance(error, AuthError)
    headers = {"x-sb-error-code": error.code}
    body: dict[str, Any] = {"code": error.status, "error_code": error.code, "msg": str(error)}
    if request.headers.get(VERSION_HEADER, "") >= VERSION:
        headers[VERSION_HEADER] = VERSION
        body = {"code": error.code, "message": str(error)}
    return JSONResponse({**body, **error.details}, error.status, headers=headers)


def http_error(request: Request, error: Exception) -> JSONResponse:
    """Turn an unknown path or method into a response."""
    assert isinstance(error, HTTPException)
    if request.url.path.startswith("/storage/"):
        return unknown_route(request, error)
    code = HTTPStatus(error.status_code).name.lower()
    return auth_error(request, AuthError(error.status_code, code, error.detail))
