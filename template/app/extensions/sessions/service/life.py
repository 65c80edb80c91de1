"""How a session starts, continues and ends."""

import asyncio
import time
from uuid import UUID

from redis.asyncio import Redis
from starlette.requests import Request

from app.core.auth.dependencies import verifier_of
from app.core.database import database_of
from app.core.errors import AppError, UnauthenticatedError, UnavailableError
from app.core.logging import get_logger
from app.core.redis import redis_key
from app.core.supabase.clients import supabase_of
from app.extensions.sessions.service import attempts, auth, browser, factors, pending, store
from app.extensions.sessions.service.auth import AuthRefusedError, Factor, Grant
from app.extensions.sessions.service.browser import browser_of
from app.extensions.sessions.service.pending import Pending
from app.extensions.sessions.service.store import Session
from app.extensions.users import service as users

# Seconds before the end of an access token in which it is replaced.
EARLY = 60
# Seconds that one request may take to replace the tokens, and the others wait for it.
REFRESH_SECONDS = 15
# Seconds for which requests that were sent with the previous cookie still work.
GRACE = 20

log = get_logger(__name__)


def redis_of(request: Request) -> Redis:
    """Return the Redis client of the running API."""
    redis: Redis = request.app.state.redis
    return redis


def client_address(request: Request) -> str:
    """Return the client's address, as uvicorn determines it (FORWARDED_ALLOW_IPS)."""
    return request.client.host if request.client else "unknown"


async def begin(request: Request, grant: Grant, method: str) -> bool:
    """Start a session of the person whom Auth has signed in. The browser gets a new cookie.

    Returns:
        Whether there is a session now. If not, the person has to enter the code of the second
        factor, see `finish`.

    Raises:
        AuthRefusedError: the account has a second factor of a kind that no page asks for.
    """
    redis, supabase = redis_of(request), supabase_of(request)
    claims = await verifier_of(request).verify(grant.tokens.access)
    if grant.has_factor and claims.assurance != "aal2":
        await _hold(request, grant, claims.user_id, method)
        return False
    since = users.evictions()
    async with database_of(request).session() as session:
        row, _ = await users.get_or_create(session, claims.user_id, claims.email)
        if grant.is_confirmed:
            row = await users.approve_confirmed(session, row)
        user = users.cache(row, since)
    previous = await current(request)
    # A new secret prevents session fixation: an attacker may have set the previous cookie.
    renewed = browser.renew(request, seconds=browser.session_seconds())
    request.state.session = await store.start(
        redis,
        renewed,
        grant.tokens,
        user_id=user.id,
        role=user.role,
        method=method,
        address=client_address(request),
        agent=request.headers.get("user-agent", ""),
    )
    if previous:
        await store.end(redis, previous)
    log.info("session_started", user=str(user.id), supabase=supabase.url)
    return True


async def finish(request: Request, held: Pending, factor: Factor, code: str) -> bool:
    """Start the session with the code of the second factor; see `begin`.

    Raises:
        AuthRefusedError: the code is wrong.
        TooManyAttemptsError: too many were; a right password does not reset their number.
    """
    redis, held_by = redis_of(request), browser_of(request)
    address, account = client_address(request), str(held.user_id)
    await attempts.FACTOR.count(redis, address, account)
    tokens = held.tokens(held_by)
    grant = await factors.check_code(supabase_of(request), tokens.access, factor.id, code)
    await attempts.FACTOR.reset(redis, address, account)
    await pending.drop(redis, held_by)
    return await begin(request, grant, held.method)


async def current(request: Request) -> Session | None:
    """Return the session of the request's browser, with tokens that are valid.

    Raises:
        UnavailableError: the tokens have to be replaced, and Auth does not answer.
    """
    session = await stored(request)
    if session and session.tokens_expire_at < time.time() + EARLY:
        session = await _replace_tokens(request, session)
    return session


async def stored(request: Request) -> Session | None:
    """Return the session of the request's browser, although its tokens may have expired."""
    visitor = browser_of(request)
    if visitor.is_new:
        return None
    session: Session | None = getattr(request.state, "stored_session", None)
    return session or await store.get(redis_of(request), visitor.key)


async def follow_role(request: Request, session: Session, role: str) -> Session:
    """Give the browser another cookie if the role of its user has changed.

    Raises:
        UnauthenticatedError: the session has ended in the meantime.
    """
    if session.role == role:
        return session
    redis = redis_of(request)
    # Of several requests at the same time, one does it.
    if not await redis.set(redis_key(f"session:moved:{session.key}"), 1, nx=True, ex=GRACE):
        return session
    old = browser_of(request)
    new = browser.renew(request, seconds=browser.session_seconds())
    return goes_on(request, await store.move(redis, session, old, new, grace=GRACE, role=role))


def goes_on(request: Request, session: Session | None) -> Session:
    """Let the request continue with a session that has been changed.

    Raises:
        UnauthenticatedError: it has ended in the meantime, such as by a sign-out everywhere.
    """
    request.state.session = session
    if session is None:
        raise UnauthenticatedError("Sign in first.")
    return session


async def forget(request: Request, session: Session) -> None:
    """End all sessions of a user whom Auth does not have any more."""
    await store.end_all(redis_of(request), session.user_id)
    request.state.session = None
    browser.renew(request)


async def sign_out(request: Request, session: Session, *, everywhere: bool = False) -> None:
    """End this session, or all sessions of the user, here and at Auth."""
    redis = redis_of(request)
    access = session.tokens(browser_of(request)).access
    if everywhere:
        await store.end_all(redis, session.user_id)
    else:
        await store.end(redis, session)
    request.state.session = None
    browser.renew(request)
    await revoke(request, access, "global" if everywhere else "local")
    log.info("session_ended", user=str(session.user_id), everywhere=everywhere)


async def revoke(request: Request, access: str, scope: str) -> None:
    """End a session at Auth, if Auth answers; see `auth.sign_out`."""
    try:
        await auth.sign_out(supabase_of(request), access, scope)
    except (AppError, UnauthenticatedError) as error:
        # The session there expires by itself; its tokens are gone here.
        log.warning("auth_session_left", reason=error.code)


async def _hold(request: Request, grant: Grant, user_id: UUID, method: str) -> None:
    if not grant.apps:
        # The password alone would bypass the factor.
        await revoke(request, grant.tokens.access, "local")
        raise AuthRefusedError(
            "This account has a second factor that this site does not ask for.",
            code="second_factor",
        )
    redis = redis_of(request)
    previous = await stored(request)
    await pending.hold(
        redis,
        browser.renew(request),
        grant.tokens,
        user_id=user_id,
        method=method,
        factors=grant.apps,
    )
    if previous:
        await store.end(redis, previous)


async def _replace_tokens(request: Request, session: Session) -> Session | None:
    """Replace the tokens once, although several requests may need it; None if Auth refuses."""
    redis, visitor = redis_of(request), browser_of(request)
    lock = redis_key(f"session:refresh:{session.key}")
    if not await redis.set(lock, 1, nx=True, ex=REFRESH_SECONDS):
        return await _wait_for_tokens(redis, session)
    try:
        # Another request may have done it between our read and the lock.
        latest = await store.get(redis, session.key)
        if latest is None or latest.tokens_expire_at > session.tokens_expire_at:
            return latest
        tokens = await auth.refresh(supabase_of(request), session.tokens(visitor).refresh)
        return await store.save_tokens(redis, session, visitor, tokens)
    except AuthRefusedError as error:
        log.info("session_refused", user=str(session.user_id), reason=error.code)
        await store.end(redis, session)
        return None
    finally:
        await redis.delete(lock)


async def _wait_for_tokens(redis: Redis, session: Session) -> Session | None:
    until = time.monotonic() + REFRESH_SECONDS
    while time.monotonic() < until:
        await asyncio.sleep(0.05)
        latest = await store.get(redis, session.key)
        if latest is None or latest.tokens_expire_at > session.tokens_expire_at:
            return latest
    raise UnavailableError("Supabase Auth does not answer.", code="auth_unavailable")
