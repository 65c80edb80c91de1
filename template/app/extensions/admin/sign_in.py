"""Signing in to the site with a password of Supabase Auth.

The session proves who a user is. What the user may do is read from the row in `users` at every
request, so a change of role or status takes effect with the next request.
"""

from urllib.parse import quote

import httpx
from fastapi import FastAPI
from redis.asyncio import Redis
from sqladmin.authentication import AuthenticationBackend
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app.core import context
from app.core.database import database_of
from app.core.errors import ForbiddenError, UnauthenticatedError, UnavailableError
from app.core.logging import get_logger
from app.core.supabase.clients import Supabase
from app.extensions.admin import attempts, audit, sessions
from app.extensions.admin.authorization import REFUSAL, get_authorized_user
from app.extensions.users.schemas import UserRead

log = get_logger(__name__)


class SessionAuthentication(AuthenticationBackend):
    """Authenticates the requests for SQLAdmin's pages."""

    def __init__(self) -> None:
        self.middlewares = []

    async def authenticate(self, request: Request) -> Response | bool:
        """Accept a user with a session who may still use the site; redirect others to sign in."""
        redis: Redis = request.app.state.redis
        session = await sessions.get(redis, sessions.digest(request.state.browser.secret))
        if session:
            try:
                user = await get_authorized_user(database_of(request), session.user_id)
            except ForbiddenError:
                await sessions.end(redis, session)
            else:
                request.state.session = session
                set_actor(request, user)
                return True
        path = quote(request.url.path) if request.method == "GET" else ""
        return RedirectResponse(f"{request.url_for('admin:login')}?next={path}", 302)


def set_actor(request: Request, user: UserRead) -> None:
    """Store who makes this request, for permission checks, the logs and the audit log."""
    request.state.actor = user
    context.user_id.set(str(user.id))
    audit.current.set(audit.AuditContext(user.id, user.email, client_address(request)))


def client_address(request: Request) -> str:
    """The client's address, as uvicorn determines it (FORWARDED_ALLOW_IPS)."""
    return request.client.host if request.client else "unknown"


async def sign_in(request: Request, email: str, password: str) -> None:
    """Start a session; the browser gets a new cookie.

    Raises:
        TooManyAttemptsError: see `core.auth.attempts`.
        UnauthenticatedError: address or password are wrong, or the account may not sign in here.
        UnavailableError: Supabase Auth does not answer.
    """
    redis, address, email = request.app.state.redis, client_address(request), email.strip().lower()
    await attempts.count(redis, address, email)
    try:
        user = await _check_password(request.app, email, password)
    except (UnauthenticatedError, ForbiddenError) as error:
        log.warning("admin_sign_in_refused", email=email, address=address, reason=error.detail)
        raise UnauthenticatedError(REFUSAL, code="sign_in_refused") from error
    await attempts.reset(redis, address, email)
    set_actor(request, user)
    # A new secret prevents session fixation: an attacker may have set the previous cookie.
    secret = request.state.browser.renew()
    request.state.session = await sessions.start(redis, user.id, secret)
    await _record(request, "sign_in")


async def sign_out(request: Request, *, everywhere: bool) -> None:
    """End this session, or all sessions of the user."""
    session: sessions.Session = request.state.session
    if everywhere:
        await sessions.end_all(request.app.state.redis, session.user_id)
    else:
        await sessions.end(request.app.state.redis, session)
    request.state.browser.renew()
    await _record(request, "sign_out_everywhere" if everywhere else "sign_out")


async def _record(request: Request, action: str) -> None:
    log.info(f"admin_{action}", address=client_address(request))
    async with database_of(request).session() as session:
        audit.record(session, action)
        await session.commit()


async def _check_password(app: FastAPI, email: str, password: str) -> UserRead:
    supabase: Supabase = app.state.supabase
    token = await _request_token(supabase, email, password)
    claims = await app.state.verifier.verify(token)
    try:
        return await get_authorized_user(app.state.database, claims.user_id)
    finally:
        await _revoke(supabase, token)


async def _request_token(supabase: Supabase, email: str, password: str) -> str:
    """Let Auth check a password. This opens a session there, which is revoked right after."""
    try:
        response = await supabase.http.post(
            f"{supabase.url}/auth/v1/token",
            params={"grant_type": "password"},
            json={"email": email, "password": password},
            headers={"apikey": supabase.settings.supabase_publishable_key},
        )
        document = response.json()
        # A refusal without a code comes from a proxy in front of Auth.
        if response.status_code in (400, 401, 403, 422) and document.get("error_code"):
            raise UnauthenticatedError(str(document["error_code"]))
        response.raise_for_status()
        token = str(document["access_token"])
        factors = document["user"].get("factors") or ()
    except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
        raise UnavailableError(
            "Supabase Auth is not available. Try again in a few minutes.",
            code="auth_unavailable",
        ) from error
    if any(factor.get("status") == "verified" for factor in factors):
        # The site does not ask for a second factor, and the password alone would bypass it.
        await _revoke(supabase, token)
        raise UnauthenticatedError("The account has a second factor.")
    return token


async def _revoke(supabase: Supabase, token: str) -> None:
    try:
        await supabase.http.post(
            f"{supabase.url}/auth/v1/logout",
            params={"scope": "local"},
            headers=supabase.user_headers(token),
        )
    except httpx.HTTPError as error:
        # The session expires by itself; its tokens were given to no one.
        log.warning("admin_auth_session_left", error=type(error).__name__)
