"""Errors in the format of Supabase Auth: `{code, error_code, msg}`."""

from http import HTTPStatus
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse


class AuthError(Exception):
    """A response other than 200."""

    def __init__(self, status: int, code: str, message: str, **details: Any) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.details = details


def auth_error(_: Request, error: Exception) -> JSONResponse:
    """Turn an AuthError into a response."""
    assert isinstance(error, AuthError)
    body = {"code": error.status, "error_code": error.code, "msg": str(error), **error.details}
    return JSONResponse(body, error.status)


def http_error(_: Request, error: Exception) -> JSONResponse:
    """Turn an unknown path or method into a response."""
    assert isinstance(error, HTTPException)
    code = HTTPStatus(error.status_code).name.lower()
    body = {"code": error.status_code, "error_code": code, "msg": error.detail}
    return JSONResponse(body, error.status_code, headers=error.headers)
