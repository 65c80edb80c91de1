"""What only a local Supabase offers: the sign-in page, and tokens without a password."""

import json
import secrets
from pathlib import Path

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from devstack.supabase.access import auth_of, json_object, require_secret_key, text
from devstack.supabase.errors import AuthError

PAGE = Path(__file__).parents[1] / "page.html"


async def page(request: Request) -> Response:
    """Show the page to sign in or up on, and to copy the access token from."""
    state = request.app.state
    config = {"key": state.publishable_key, "api": state.api_url}
    nonce = secrets.token_urlsafe(16)
    html = PAGE.read_text(encoding="utf-8")
    # `<` could end the script element that holds the values.
    html = html.replace("__CONFIG__", json.dumps(config).replace("<", "\\u003c"))
    policy = (
        "default-src 'none'; connect-src 'self'; img-src data:; form-action 'none'; "
        "base-uri 'none'; frame-ancestors 'none'; "
        f"style-src 'nonce-{nonce}'; script-src 'nonce-{nonce}'"
    )
    headers = {"Content-Security-Policy": policy, "Cache-Control": "no-store"}
    return HTMLResponse(html.replace("__NONCE__", nonce), headers=headers)


async def local_token(request: Request) -> Response:
    """Start a session of a user, for `app token`; needs the secret key."""
    require_secret_key(request)
    auth = auth_of(request)
    email = text(await json_object(request), "email").strip().lower()
    user = auth.store.by_email(email)
    if user is None:
        raise AuthError(404, "user_not_found", "there is no such user")
    return JSONResponse(auth.start_session(user))


routes = [Route("/", page), Route("/local/token", local_token, methods=["POST"])]
