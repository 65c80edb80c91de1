"""The errors that services and settings raise. They know no HTTP: see `core/http/problems.py`."""

from typing import Any


class SettingsError(ValueError):
    """Settings are missing or wrong; the message names every variable and what to do.

    Pydantic reports a ValueError of a validator as a wrong value, so validators may raise it too.
    """


class AppError(Exception):
    """An error whose message the caller may read.

    Args:
        detail: one sentence for people.
        code: a stable identifier for programs, such as `item_not_found`.
        members: further members of the response, next to `code` (RFC 9457, 3.2).
    """

    status = 400
    code = "bad_request"
    retry_after: int | None = None  # seconds after which another try may succeed

    def __init__(self, detail: str, *, code: str | None = None, **members: Any) -> None:
        super().__init__(detail)
        self.detail = detail
        self.code = code or self.code
        self.members = members


class UnauthenticatedError(AppError):
    """The access token is missing or not valid."""

    status = 401
    code = "unauthenticated"


class ForbiddenError(AppError):
    """The caller is known and not allowed to do this."""

    status = 403
    code = "forbidden"


class NotFoundError(AppError):
    """The object does not exist, or the caller may not see it."""

    status = 404
    code = "not_found"


class ConflictError(AppError):
    """The request contradicts the stored state."""

    status = 409
    code = "conflict"


class InvalidError(AppError):
    """The values have the right form and are not acceptable."""

    status = 422
    code = "invalid"


class UnavailableError(AppError):
    """A service that this backend needs does not answer; a later try may succeed."""

    status = 503
    code = "unavailable"
    retry_after = 5
