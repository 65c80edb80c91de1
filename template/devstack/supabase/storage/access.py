"""Callers and JSON bodies of the requests to Storage."""

from typing import Any

from starlette.requests import Request

from devstack.supabase.access import json_object, keys_equal, services
from devstack.supabase.errors import AuthError
from devstack.supabase.storage.errors import denied, invalid
from devstack.supabase.storage.store import Storage


def storage_of(request: Request) -> Storage:
    """Return the buckets and objects of the server."""
    return services(request).storage


def is_backend(request: Request) -> bool:
    """Return whether the request has the secret key; False for users and the publishable key.

    As at Supabase's gateway, the header `apikey` counts if Authorization has no token of a user.

    Raises:
        StorageError: there is no key or token, or it is not valid.
    """
    _, _, token = request.headers.get("authorization", "").partition(" ")
    if not token or token.startswith("sb_"):
        token = request.headers.get("apikey") or token
    if not token:
        raise invalid("headers must have required property 'authorization'")
    if keys_equal(token, services(request).secret_key):
        return True
    if not keys_equal(token, services(request).publishable_key):
        try:
            services(request).auth.verify(token)
        except AuthError as error:
            raise denied(str(error)) from None
    return False


def require_backend(request: Request) -> None:
    """Allow only requests with the secret key.

    Raises:
        StorageError: another caller, for whom no policy allows anything.
    """
    if not is_backend(request):
        raise denied()


async def storage_json(request: Request) -> dict[str, Any]:
    """Read the body of a request.

    Raises:
        StorageError: it is no JSON object.
    """
    try:
        return await json_object(request)
    except AuthError:
        raise invalid("body must be object") from None


def text_of(body: dict[str, Any], name: str) -> str:
    """Return a string of the body.

    Raises:
        StorageError: it is missing or no string.
    """
    if name not in body:
        raise invalid(f"body must have required property '{name}'")
    if not isinstance(body[name], str):
        raise invalid(f"body/{name} must be string")
    return str(body[name])


def texts_of(body: dict[str, Any], name: str) -> list[str]:
    """Return a list of strings of the body.

    Raises:
        StorageError: it is missing or empty, or an item is no string.
    """
    values = body.get(name)
    if not isinstance(values, list) or not all(isinstance(each, str) for each in values):
        raise invalid(f"body/{name} must be array of strings")
    if not values:
        raise invalid(f"body/{name} must NOT have fewer than 1 items")
    return values


def integer_of(
    body: dict[str, Any], name: str, default: int | None = None, *, minimum: int = 1
) -> int:
    """Return an integer of the body, which may be written as a string.

    Raises:
        StorageError: it is missing, no integer or too small.
    """
    value = body.get(name, default)
    try:
        # As in the real service, null becomes 0, and 1.5 is no integer.
        number = int(str(value if value is not None or name not in body else 0))
    except ValueError:
        raise invalid(f"body/{name} must be integer") from None
    if number < minimum:
        raise invalid(f"body/{name} must be >= {minimum}")
    return number
