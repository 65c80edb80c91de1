"""What a person proves, and how a person changes it: password and authenticator apps."""

import time

from starlette.requests import Request

from app.core.auth.dependencies import verifier_of
from app.core.supabase.clients import supabase_of
from app.extensions.sessions.service import (
    attempts,
    auth,
    browser,
    enrolments,
    factors,
    life,
    store,
)
from app.extensions.sessions.service.auth import AuthRefusedError, Factor
from app.extensions.sessions.service.browser import browser_of
from app.extensions.sessions.service.factors import Enrolment
from app.extensions.sessions.service.store import Session

# Seconds for which `confirm` counts.
CONFIRMED_SECONDS = 900


async def change_password(request: Request, session: Session, password: str) -> None:
    """Set another password, and end all other sessions of the user, here and at Auth.

    Raises:
        AuthRefusedError: Auth does not accept the password.
    """
    access = session.tokens(browser_of(request)).access
    await auth.set_password(supabase_of(request), access, password)
    await _continue_alone(request, session, method="password")


async def add_factor(request: Request, session: Session, enrolment: Enrolment, code: str) -> None:
    """Let an authenticator app count, and end all other sessions of the user, here and at Auth.

    Raises:
        AuthRefusedError: the code is not that of the app.
    """
    redis, visitor = life.redis_of(request), browser_of(request)
    access = session.tokens(visitor).access
    grant = await factors.check_code(supabase_of(request), access, enrolment.factor_id, code)
    await enrolments.drop(redis, visitor)
    saved = await store.save_tokens(redis, session, visitor, grant.tokens)
    session = life.goes_on(request, saved)
    await _continue_alone(request, session)


async def remove_factor(request: Request, session: Session, factor: Factor, code: str) -> None:
    """Remove an authenticator app, which must be at hand for it.

    Raises:
        AuthRefusedError: the code is not that of the app.
        TooManyAttemptsError: too many were not.
    """
    redis, visitor, supabase = life.redis_of(request), browser_of(request), supabase_of(request)
    address, account = life.client_address(request), str(session.user_id)
    await attempts.FACTOR.count(redis, address, account)
    access = session.tokens(visitor).access
    grant = await factors.check_code(supabase, access, factor.id, code)
    await attempts.FACTOR.reset(redis, address, account)
    await factors.remove(supabase, grant.tokens.access, factor.id)
    # The token still says that the session has a second factor.
    tokens = await auth.refresh(supabase, grant.tokens.refresh)
    life.goes_on(request, await store.save_tokens(redis, session, visitor, tokens))


def is_confirmed(session: Session) -> bool:
    """Tell whether the person at this browser has just proved who they are, see `confirm`."""
    return time.time() - session.confirmed_at < CONFIRMED_SECONDS


async def confirm(
    request: Request, session: Session, email: str, *, password: str = "", code: str = ""
) -> None:
    """Check again who the person at this browser is: by the password, or by a code of a mail.

    Raises:
        AuthRefusedError: it is wrong.
        TooManyAttemptsError: see `core.auth.attempts`.
    """
    redis, address, supabase = (
        life.redis_of(request),
        life.client_address(request),
        supabase_of(request),
    )
    await attempts.count(redis, address, email)
    if code:
        grant = await auth.check_code(supabase, "magiclink", email, code)
    else:
        grant = await auth.check_password(supabase, email, password)
    await attempts.reset(redis, address, email)
    claims = await verifier_of(request).verify(grant.tokens.access)
    await life.revoke(request, grant.tokens.access, "local")
    if claims.user_id != session.user_id:
        # The address has moved to another account at Auth.
        raise AuthRefusedError("Sign in again first.", code="another_account")
    life.goes_on(request, await store.change(redis, session, confirmed_at=time.time()))


async def _continue_alone(request: Request, session: Session, **changes: str) -> None:
    """Continue a session with another cookie, and end all others of the user here."""
    redis, old = life.redis_of(request), browser_of(request)
    new = browser.renew(request, seconds=browser.session_seconds())
    moved = await store.move(redis, session, old, new, grace=0, **changes)
    await store.end_all(redis, session.user_id, keep=moved.key if moved else None)
    life.goes_on(request, moved)
