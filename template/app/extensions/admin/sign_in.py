"""Who uses the site, and signing in to it with a password of Supabase Auth.

The session is one of `sessions`, which the site shares with all pages. It proves who a person is,
and a visit proves that this is recent. What the person may do is read from the row in `users` at
every request, so a change of role or status takes effect with the next request.
"""

from urllib.parse import quote

from sqladmin.authentication import AuthenticationBackend
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app.core import context
from app.core.auth.dependencies import verifier_of
from app.core.database import database_of
from app.core.errors import AppError, ForbiddenError, UnauthenticatedError, UnavailableError
from app.core.logging import get_logger
from app.core.supabase.clients import supabase_of
from app.extensions.admin import attempts, audit, visits
from app.extensions.admin.authorization import REFUSAL, get_authorized_user
from app.extensions.sessions.service import auth, life, pending, store
from app.extensions.sessions.service.auth import AuthRefusedError, Grant
from app.extensions.sessions.service.browser import browser_of
from app.extensions.sessions.service.pending import Pending
from app.extensions.sessions.service.store import Session
from app.extensions.users.schemas import UserRead

log = get_logger(__name__)


class SessionAuthentication(AuthenticationBackend):
    """Authenticates the requests for SQLAdmin's pages."""

    def __init__(self) -> None:
        self.middlewares = []

    async def authenticate(self, request: Request) -> Response | bool:
        """Accept a user with a session who may use the site now; redirect others to sign in."""
        session = await _session(request)
        if session and await _admit(request, session):
            return True
        path = quote(request.url.path) if request.method == "GET" else ""
        return RedirectResponse(f"{request.url_for('admin:login')}?next={path}", 302)


def set_actor(request: Request, user: UserRead) -> None:
    """Store who makes this request, for permission checks, the logs and the audit log."""
    request.state.actor = user
    context.user_id.set(str(user.id))
    audit.current.set(audit.AuditContext(user.id, user.email, life.client_address(request)))


async def sign_in(request: Request, email: str, password: str) -> Pending | None:
    """Start a session; the browser gets a new cookie.

    Returns:
        None, or the first step of the sign-in if the code of a second factor is missing, see
        `enter_code`.

    Raises:
        TooManyAttemptsError: see `core.auth.attempts`.
        UnauthenticatedError: address or password are wrong, or the account may not sign in here.
        UnavailableError: Supabase Auth does not answer.
    """
    redis, address = life.redis_of(request), life.client_address(request)
    email = email.strip().lower()
    await attempts.count(redis, address, email)
    try:
        grant = await auth.check_password(supabase_of(request), email, password)
        user = await _authorize(request, grant)
        has_session = await life.begin(request, grant, "password")
    except (AuthRefusedError, UnauthenticatedError, ForbiddenError) as error:
        raise _refusal(request, error, email) from error
    await attempts.reset(redis, address, email)
    if not has_session:
        return await first_step(request)
    await _enter(request, request.state.session, user)
    return None


async def first_step(request: Request) -> Pending | None:
    """Return the sign-in of this browser that lacks the code of a second factor."""
    return await pending.get(life.redis_of(request), browser_of(request))


async def enter_code(request: Request, code: str, app_id: str) -> None:
    """Start the session with the code of an authenticator app.

    Raises:
        AuthRefusedError: the code is wrong.
        TooManyAttemptsError: see `life.finish`.
        UnauthenticatedError: the first step is too long ago, or the account has lost its access.
    """
    held = await first_step(request)
    if held is None:
        raise UnauthenticatedError("This took too long: sign in again.", code="sign_in_expired")
    try:
        user = await get_authorized_user(database_of(request), held.user_id)
    except ForbiddenError as error:
        raise _refusal(request, error, str(held.user_id)) from error
    # Only an app that Auth has named: its id becomes a part of an address.
    known = {each.id: each for each in held.factors}
    await life.finish(request, held, known.get(app_id, held.factors[0]), code.replace(" ", ""))
    await _enter(request, request.state.session, user)


async def sign_out(request: Request, *, everywhere: bool) -> None:
    """End this session, or all sessions of the user, here and at Supabase Auth."""
    await life.sign_out(request, request.state.session, everywhere=everywhere)
    await _record(request, "sign_out_everywhere" if everywhere else "sign_out")


async def _session(request: Request) -> Session | None:
    try:
        return await life.current(request)
    except UnavailableError:
        # The site needs nothing else of Auth, so it works while Auth does not answer.
        return await life.stored(request)


async def _admit(request: Request, session: Session) -> bool:
    """Tell whether the user of a session may use the site now."""
    redis = life.redis_of(request)
    try:
        user = await get_authorized_user(database_of(request), session.user_id)
        return await _enter(request, await life.follow_role(request, session, user.role), user)
    except ForbiddenError:
        if await visits.get(redis, session):  # the person has lost the access
            await store.end(redis, session)
        return False
    except UnauthenticatedError:  # the session has just ended
        return False


async def _enter(request: Request, session: Session, user: UserRead) -> bool:
    """Continue or begin the visit of a session, and tell whether there is one."""
    visit, is_new = await visits.enter(life.redis_of(request), session)
    if visit is None:
        return False
    request.state.session, request.state.visit = session, visit
    set_actor(request, user)
    if is_new:
        await _record(request, "sign_in")
    return True


async def _record(request: Request, action: str) -> None:
    log.info(f"admin_{action}", address=life.client_address(request))
    async with database_of(request).session() as session:
        audit.record(session, action)
        await session.commit()


async def _authorize(request: Request, grant: Grant) -> UserRead:
    """Return the user whom Auth has signed in; whoever may not use the site is signed out there."""
    claims = await verifier_of(request).verify(grant.tokens.access)
    try:
        return await get_authorized_user(database_of(request), claims.user_id)
    except ForbiddenError:
        await life.revoke(request, grant.tokens.access, "local")
        raise


def _refusal(request: Request, error: AppError, account: str) -> AppError:
    """Return the same error for each reason, unless Auth asks to wait."""
    address = life.client_address(request)
    log.warning("admin_sign_in_refused", account=account, address=address, reason=error.detail)
    return error if error.status == 429 else UnauthenticatedError(REFUSAL, code="sign_in_refused")
