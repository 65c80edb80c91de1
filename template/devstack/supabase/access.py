"""What the routes share: the state of the server, API keys, the signed-in user, JSON bodies."""

import hmac
import json
from dataclasses import dataclass
from typing import Any

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from devstack.supabase.auth import Auth
from devstack.supabase.errors import AuthError
from devstack.supabase.hooks import Hooks
from devstack.supabase.mail import Mailbox
from devstack.supabase.storage.store import Storage
from devstack.supabase.store import Session, User
from devstack.supabase.traffic import Traffic


@dataclass(frozen=True)
class Services:
    """State of the server that the routes use."""

    auth: Auth
    mailbox: Mailbox
    storage: Storage
    traffic: Traffic
    hooks: Hooks
    publishable_key: str
    secret_key: str
    api_url: str
    mails_url: str
    autoconfirm: bool  # whether a sign-up needs no mail
    passkeys: bool = True  # whether they are enabled


def services(request: Request) -> Services:
    """Return the state of the server."""
    found: Services = request.app.state.services
    return found


class ApiKeyRequired:
    """Refuses requests without one of the project's API keys, like Supabase's gateway."""

    def __init__(self, app: ASGIApp, keys: tuple[str, ...]) -> None:
        self._app = app
        self._keys = keys

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        key = Headers(scope=scope).get("apikey")
        if any(keys_equal(key, known) for known in self._keys):
            await self._app(scope, receive, send)
            return
        message = "Invalid API key" if key else "No API key found in request"
        hint = "Send the publishable or the secret key in the header `apikey`."
        await JSONResponse({"message": message, "hint": hint}, 401)(scope, receive, send)


def keys_equal(given: str | None, known: str) -> bool:
    """Compare two keys in constant time."""
    return given is not None and hmac.compare_digest(given.encode(), known.encode())


def signed_in(request: Request) -> tuple[User, Session]:
    """Return user and session of the request's access token.

    Raises:
        AuthError: the token is missing or invalid.
    """
    return services(request).auth.signed_in(bearer(request))


def bearer(request: Request) -> str:
    """Return the token of the Authorization header.

    Raises:
        AuthError: there is none.
    """
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise AuthError(401, "no_authorization", "This endpoint requires a valid Bearer token")
    return token.strip()


def require_secret_key(request: Request) -> None:
    """Allow only requests with the secret key and without the token of a user.

    Raises:
        AuthError: 401 with the publishable key and no token, otherwise 403.
    """
    secret = services(request).secret_key
    key = request.headers.get("apikey")
    authorization = request.headers.get("authorization")
    if keys_equal(key, secret) and authorization in (None, f"Bearer {secret}"):
        return
    bearer(request)
    raise AuthError(403, "not_admin", "User not allowed")


async def json_object(request: Request) -> dict[str, Any]:
    """Read the body of a request.

    Raises:
        AuthError: it is no JSON object.
    """
    try:
        body = json.loads(await request.body() or b"{}")
        # As Auth does: half an emoji, which no answer can encode, becomes U+FFFD.
        whole = json.dumps(body, ensure_ascii=False).encode("utf-16", "surrogatepass")
        body = json.loads(whole.decode("utf-16", "replace"))
    except (ValueError, RecursionError) as error:
        message = f"Could not parse request body as JSON: {error}"
        raise AuthError(400, "bad_json", message) from None
    if not isinstance(body, dict):
        raise AuthError(400, "bad_json", "Could not parse request body as JSON: no object")
    return body


def text(body: dict[str, Any], name: str) -> str:
    """Return a string of the body; empty if it is missing.

    Raises:
        AuthError: the value is no string.
    """
    value = body.get(name) or ""
    if not isinstance(value, str):
        raise AuthError(400, "validation_failed", f"{name} must be a string")
    return value


def email_of(body: dict[str, Any]) -> str:
    """Return the field `email` of the body, as addresses are stored."""
    return text(body, "email").strip().lower()
