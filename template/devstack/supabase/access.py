"""Who calls: the API key, and the signed-in user."""

import hmac
import json
from typing import Any

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from devstack.supabase.auth import Auth
from devstack.supabase.errors import AuthError
from devstack.supabase.store import Session, User

API_VERSION = "2024-01-01"


class ApiKeyRequired:
    """Refuses calls without one of the project's keys, as Supabase's gateway does."""

    def __init__(self, app: ASGIApp, keys: tuple[str, ...]) -> None:
        self._app = app
        self._keys = keys

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        key = Headers(scope=scope).get("apikey")
        if any(same(key, known) for known in self._keys):
            await self._app(scope, receive, send)
            return
        message = "Invalid API key" if key else "No API key found in request"
        hint = "Send the publishable or the secret key in the header `apikey`."
        await JSONResponse({"message": message, "hint": hint}, 401)(scope, receive, send)


class ApiVersion:
    """Names the version of the API in every answer; clients read errors by it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_version(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"].append((b"x-supabase-api-version", API_VERSION.encode()))
            await send(message)

        await self._app(scope, receive, send_with_version)


def same(given: str | None, known: str) -> bool:
    """Compare a key in constant time."""
    return given is not None and hmac.compare_digest(given.encode(), known.encode())


def auth_of(request: Request) -> Auth:
    """Return the users and sessions of this server."""
    auth: Auth = request.app.state.auth
    return auth


def signed_in(request: Request) -> tuple[User, Session]:
    """Find the user and session of the request's access token.

    Raises:
        AuthError: there is none, or it is not valid.
    """
    return auth_of(request).signed_in(bearer(request))


def bearer(request: Request) -> str:
    """Take the token from the Authorization header.

    Raises:
        AuthError: there is none.
    """
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise AuthError(401, "no_authorization", "This endpoint requires a valid Bearer token")
    return token.strip()


def require_secret_key(request: Request) -> None:
    """Let only the secret key pass, without a user's token beside it.

    Raises:
        AuthError: 401 without any credentials beside the publishable key, else 403.
    """
    secret: str = request.app.state.secret_key
    key = request.headers.get("apikey")
    authorization = request.headers.get("authorization")
    if same(key, secret) and authorization in (None, f"Bearer {secret}"):
        return
    bearer(request)
    raise AuthError(403, "not_admin", "User not allowed")


async def json_object(request: Request) -> dict[str, Any]:
    """Read the request's body.

    Raises:
        AuthError: it is no JSON object.
    """
    try:
        body = json.loads(await request.body() or b"{}")
    except ValueError as error:
        message = f"Could not parse request body as JSON: {error}"
        raise AuthError(400, "bad_json", message) from None
    if not isinstance(body, dict):
        raise AuthError(400, "bad_json", "Could not parse request body as JSON: no object")
    return body


def text(body: dict[str, Any], name: str) -> str:
    """Take a string from the body; empty if it is not there.

    Raises:
        AuthError: it is something else.
    """
    value = body.get(name) or ""
    if not isinstance(value, str):
        raise AuthError(400, "validation_failed", f"{name} must be a string")
    return value
