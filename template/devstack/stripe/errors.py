"""Errors in the shape of Stripe's."""

from typing import Any


class StripeError(Exception):
    """An error that becomes the answer of a request.

    Args:
        status: HTTP status.
        message: sentence for a developer.
        type: category, such as `invalid_request_error`.
        code: stable code, such as `resource_missing`.
        param: the parameter that it is about, such as `items[0][price]`.
        keep: whether the changes of the request stay, as after a declined payment.
        more: other fields, such as `decline_code`.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        type: str = "invalid_request_error",  # noqa: A002 - Stripe's name
        code: str | None = None,
        param: str | None = None,
        keep: bool = False,
        **more: Any,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.keep = keep
        fields = {"code": code, "message": message, "param": param, "type": type, **more}
        self.body = {"error": {name: value for name, value in fields.items() if value is not None}}


def invalid(message: str, param: str | None = None, code: str | None = None) -> StripeError:
    """Return the error for a parameter that cannot be used."""
    return StripeError(400, message, param=param, code=code)


def missing(kind: str, identity: str, param: str = "id") -> StripeError:
    """Return the error for an object that does not exist."""
    status = 404 if param == "id" else 400
    return StripeError(
        status, f"No such {kind}: '{identity}'", code="resource_missing", param=param
    )
