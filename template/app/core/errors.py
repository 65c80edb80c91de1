"""Errors of services, without HTTP: `error_handlers.py` turns them into responses."""

from typing import Any


class AppError(Exception):
    """A refusal that the caller may be told about.

    `code` is stable and for programs (`item_not_found`); `detail` is one sentence for people.
    `members` are what programs want to know besides, next to `code` in the answer (RFC 9457, 3.2);
    `retry_after` is in how many seconds trying again may help.
    """

    status = 400
    code = "bad_request"
    retry_after: int | None = None

    def __init__(self, detail: str, *, code: str | None = None, **members: Any) -> None:
        super().__init__(detail)
        self.detail = detail
        self.code = code or self.code
        self.members = members


class UnauthenticatedError(AppError):
    """No token, or one that is not good."""

    status = 401
    code = "unauthenticated"


class ForbiddenError(AppError):
    """The caller is known and may not do this."""

    status = 403
    code = "forbidden"


class NotFoundError(AppError):
    """It is not there, or not the caller's to see."""

    status = 404
    code = "not_found"


class ConflictError(AppError):
    """It clashes with what is stored."""

    status = 409
    code = "conflict"


class InvalidError(AppError):
    """The values are well formed and still make no sense."""

    status = 422
    code = "invalid"


class UnavailableError(AppError):
    """Something this service needs does not answer; trying again later may help."""

    status = 503
    code = "unavailable"
    retry_after = 5
