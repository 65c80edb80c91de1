"""Routes of the local Supabase only: the sign-in page, and tokens without a password."""

import json
import secrets
from pathlib import Path

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from devstack.supabase.access import email_of, json_object, require_secret_key, services
from devstack.supabase.errors import AuthError
from devstack.supabase.signing_in import sign_in

PAGE = Path(__file__).parents[1] / "page.html"


async def page(request: Request) -> Response:
    """Return the page to sign in or sign up, which shows the access token."""
    config = {"key": services(request).publishable_key, "api": services(request).api_url}
    nonce = secrets.token_urlsafe(16)
    html = PAGE.read_text(encoding="utf-8")
    # `<` could end the script element that contains the values.
    html = html.replace("__CONFIG__", json.dumps(config).replace("<", "\\u003c"))
    policy = (
        "default-src 'none'; connect-src 'self'; img-src data:; form-action 'none'; "
        "base-uri 'none'; frame-ancestors 'none'; "
        f"style-src 'nonce-{nonce}'; script-src 'nonce-{nonce}'"
    )
    headers = {"Content-Security-Policy": policy, "Cache-Control": "no-store"}
    return HTMLResponse(html.replace("__NONCE__", nonce), headers=headers)


async def local_token(request: Request) -> Response:
    """Start a session of a user for `app token`; requires the secret key."""
    require_secret_key(request)
    auth = services(request).auth
    email = email_of(await json_object(request))
    user = auth.store.by_email(email)
    if user is None:
        raise AuthError(404, "user_not_found", "there is no such user")
    return JSONResponse(await sign_in(request, user, "password"))


routes = [Route("/", page), Route("/local/token", local_token, methods=["POST"])]
