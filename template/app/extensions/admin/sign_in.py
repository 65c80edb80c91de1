"""Who may use the site: people of Supabase Auth whose row here says admin or support.

The session proves who somebody is; what they may do is read from their row at every request, so
that who is demoted or suspended is out with the next one.
"""

from urllib.parse import quote

import httpx
from fastapi import FastAPI
from redis.asyncio import Redis
from sqladmin.authentication import AuthenticationBackend
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app.core import context
from app.core.errors import ForbiddenError, UnauthenticatedError, UnavailableError
from app.core.logging import get_logger
from app.core.supabase.clients import Supabase
from app.extensions.admin import audit, limits, sessions
from app.extensions.admin.people import REFUSAL, permitted
from app.extensions.users.schemas import UserRead

log = get_logger(__name__)


class SignInRequired(AuthenticationBackend):
    """What SQLAdmin asks before each of its pages."""

    def __init__(self) -> None:
        self.middlewares = []

    async def authenticate(self, request: Request) -> Response | bool:
        """Let somebody pass who is signed in and may still be here, else ask for a sign-in."""
        redis: Redis = request.app.state.redis
        session = await sessions.find(redis, sessions.digest(request.state.browser.secret))
        if session:
            try:
                user = await permitted(request.app.state.database, session.user_id)
            except ForbiddenError:
                await sessions.end(redis, session)
            else:
                request.state.session = session
                enter(request, user)
                return True
        wanted = quote(request.url.path) if request.method == "GET" else ""
        return RedirectResponse(f"{request.url_for('admin:login')}?next={wanted}", 302)

    async def get_user_id(self, request: Request) -> str:
        """The id of who is signed in."""
        return str(request.state.actor.id)


def enter(request: Request, user: UserRead) -> None:
    """Make a person the one who acts in this request."""
    request.state.actor = user
    context.user_id.set(str(user.id))
    audit.circumstances.set(audit.Circumstances(user.id, user.email, address_of(request)))


def address_of(request: Request) -> str:
    """The client's address, as uvicorn makes it out (FORWARDED_ALLOW_IPS)."""
    return request.client.host if request.client else "unknown"


async def sign_in(request: Request, email: str, password: str) -> None:
    """Start a session for who knows the password; the browser gets a new cookie.

    Raises:
        TooManyTriesError: see `limits`.
        UnauthenticatedError: address or password are wrong, or the account may not sign in here.
        UnavailableError: Supabase Auth does not answer.
    """
    state, address, email = request.app.state, address_of(request), email.strip().lower()
    await limits.count_try(state.redis, address, email)
    try:
        user = await _who(request.app, email, password)
    except (UnauthenticatedError, ForbiddenError) as error:
        log.warning("admin_sign_in_refused", email=email, address=address, reason=error.detail)
        raise UnauthenticatedError(REFUSAL) from error
    await limits.forgive(state.redis, address, email)
    enter(request, user)
    # Never the secret that the browser came with: somebody else may have put it there.
    secret = request.state.browser.renew()
    request.state.session = await sessions.start(state.redis, user.id, secret)
    await note(request, "sign_in")


async def sign_out(request: Request, *, everywhere: bool) -> None:
    """End this session, or all of the person's."""
    session: sessions.Session = request.state.session
    if everywhere:
        await sessions.end_all(request.app.state.redis, session.user_id)
    else:
        await sessions.end(request.app.state.redis, session)
    request.state.browser.renew()
    await note(request, "sign_out_everywhere" if everywhere else "sign_out")


async def note(request: Request, action: str) -> None:
    """Write an entry of the audit log that stands for itself."""
    log.info(f"admin_{action}", address=address_of(request))
    async with request.app.state.database.session() as session:
        audit.record(session, action)
        await session.commit()


async def _who(app: FastAPI, email: str, password: str) -> UserRead:
    supabase: Supabase = app.state.supabase
    token = await _password_token(supabase, email, password)
    claims = await app.state.verifier.verify(token)
    try:
        return await permitted(app.state.database, claims.user_id)
    finally:
        await _end_at_supabase(supabase, token)


async def _password_token(supabase: Supabase, email: str, password: str) -> str:
    """Have Auth check a password; its short-lived session is ours alone and ended at once."""
    try:
        answer = await supabase.http.post(
            f"{supabase.url}/auth/v1/token",
            params={"grant_type": "password"},
            json={"email": email, "password": password},
            headers={"apikey": supabase.settings.supabase_publishable_key},
        )
        document = answer.json()
        # Without a code it is not Auth that refuses, but what stands before it.
        if answer.status_code in (400, 401, 403, 422) and document.get("error_code"):
            raise UnauthenticatedError(str(document["error_code"]))
        answer.raise_for_status()
        token = str(document["access_token"])
        factors = document["user"].get("factors") or ()
    except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
        raise UnavailableError(
            "Supabase Auth does not answer as it should; try again shortly.",
            code="auth_unavailable",
        ) from error
    if any(factor.get("status") == "verified" for factor in factors):
        # The password alone would go round the second factor.
        await _end_at_supabase(supabase, token)
        raise UnauthenticatedError("the account has a second factor, which is not asked for here")
    return token


async def _end_at_supabase(supabase: Supabase, token: str) -> None:
    try:
        await supabase.http.post(
            f"{supabase.url}/auth/v1/logout",
            params={"scope": "local"},
            headers=supabase.user_headers(token),
        )
    except httpx.HTTPError as error:
        # Nobody has its tokens: it only waits in Auth until it ends by itself.
        log.warning("admin_auth_session_left", error=type(error).__name__)
