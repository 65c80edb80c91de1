"""How a session starts, continues and ends."""

import asyncio
import time

from redis.asyncio import Redis
from starlette.requests import Request

from app.core.auth.dependencies import verifier_of
from app.core.database import database_of
from app.core.errors import AppError, UnauthenticatedError, UnavailableError
from app.core.logging import get_logger
from app.core.redis import redis_key
from app.core.supabase.clients import supabase_of
from app.extensions.sessions.service import attempts, auth, browser, store
from app.extensions.sessions.service.auth import AuthRefusedError, Grant
from app.extensions.sessions.service.browser import browser_of
from app.extensions.sessions.service.store import Session
from app.extensions.users import service as users
from app.extensions.users.schemas import UserRead

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


async def begin(request: Request, grant: Grant, method: str) -> UserRead:
    """Start a session of the person whom Auth has signed in. The browser gets a new cookie.

    Raises:
        AuthRefusedError: the account has a second factor, which these pages do not ask for.
    """
    redis, supabase = redis_of(request), supabase_of(request)
    if grant.has_factor:
        # The password alone would bypass it.
        await _revoke(request, grant.tokens.access, "local")
        raise AuthRefusedError(
            "This account has a second factor, which these pages do not ask for.",
            code="second_factor",
        )
    claims = await verifier_of(request).verify(grant.tokens.access)
    since = users.evictions()
    async with database_of(request).session() as session:
        row, _ = await users.get_or_create(session, claims.user_id, claims.email)
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
    return user


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
    """Give the browser another cookie if the role of its user has changed."""
    if session.role == role:
        return session
    redis = redis_of(request)
    # Of several requests at the same time, one does it.
    if not await redis.set(redis_key(f"session:moved:{session.key}"), 1, nx=True, ex=GRACE):
        return session
    old = browser_of(request)
    new = browser.renew(request, seconds=browser.session_seconds())
    request.state.session = await store.move(redis, session, old, new, grace=GRACE, role=role)
    return request.state.session  # type: ignore[no-any-return]


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
    await _revoke(request, access, "global" if everywhere else "local")
    log.info("session_ended", user=str(session.user_id), everywhere=everywhere)


async def change_password(request: Request, session: Session, password: str) -> None:
    """Set another password, and end all other sessions of the user, here and at Auth.

    Raises:
        AuthRefusedError: Auth does not accept the password.
    """
    redis, old = redis_of(request), browser_of(request)
    await auth.set_password(supabase_of(request), session.tokens(old).access, password)
    new = browser.renew(request, seconds=browser.session_seconds())
    moved = await store.move(redis, session, old, new, grace=0, method="password")
    await store.end_all(redis, session.user_id, keep=moved.key)
    request.state.session = moved


async def confirm_password(request: Request, email: str, password: str) -> None:
    """Check the password of the person who has signed in.

    Raises:
        AuthRefusedError: it is wrong.
        TooManyAttemptsError: see `core.auth.attempts`.
    """
    redis, address = redis_of(request), client_address(request)
    await attempts.count(redis, address, email)
    grant = await auth.check_password(supabase_of(request), email, password)
    await attempts.reset(redis, address, email)
    await _revoke(request, grant.tokens.access, "local")


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


async def _revoke(request: Request, access: str, scope: str) -> None:
    try:
        await auth.sign_out(supabase_of(request), access, scope)
    except (AppError, UnauthenticatedError) as error:
        # The session there expires by itself; its tokens are gone here.
        log.warning("auth_session_left", reason=error.code)
