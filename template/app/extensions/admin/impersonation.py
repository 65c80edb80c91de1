"""Impersonation: an admin gets a token with which the API treats a request as a user's.

This backend signs the token with SECRET_KEY. It is not a session of Supabase, so code that asks
Supabase itself refuses it (`LiveUser`, files through the user's own client). The token is valid as
long as the admin's visit, which stores its id, and only for users without a role on the site.
"""

import secrets
import time
from uuid import UUID

import jwt
from sqlmodel.ext.asyncio.session import AsyncSession
from starlette.requests import Request

from app.core import context, signing
from app.core.auth.dependencies import Claims
from app.core.database import database_of
from app.core.errors import ForbiddenError, UnauthenticatedError
from app.core.logging import get_logger
from app.core.settings import load_settings
from app.extensions.admin import audit, visits
from app.extensions.admin.authorization import get_authorized_user, get_user
from app.extensions.admin.settings import AdminSettings
from app.extensions.admin.visits import Impersonation
from app.extensions.sessions.service import store
from app.extensions.users import service as users

ISSUER = "urn:app:admin"
AUDIENCE = "authenticated"
PURPOSE = "admin act as"
# The header tells our tokens from those of Supabase, by their first characters.
HEADER = {"typ": "act-as+jwt"}
PREFIX = jwt.encode({}, "-" * 32, signing.ALGORITHM, headers=HEADER).partition(".")[0] + "."

log = get_logger(__name__)


async def start(request: Request, session: AsyncSession, user_id: UUID) -> None:
    """Let the signed-in admin act as a user. Commits an entry of the audit log.

    Raises:
        ForbiddenError: the user has a role on the site, is not active, or is a machine.
    """
    user = users.ensure_active(await get_user(database_of(request), user_id))
    if user.role != "user" or user.machine:
        raise ForbiddenError(
            "Only people without a role can be impersonated.", code="impersonation_forbidden"
        )
    impersonation = Impersonation(
        token_id=secrets.token_urlsafe(16),
        user_id=user.id,
        email=user.email,
        expires_at=time.time() + load_settings(AdminSettings).act_as_minutes * 60,
    )
    audit.record(session, "act_as", subject="users", subject_id=user.id)
    await session.commit()
    await _store(request, impersonation)


async def stop(request: Request, session: AsyncSession) -> None:
    """End the impersonation, so that its token is refused. Commits an entry of the audit log."""
    if impersonation := request.state.visit.impersonation:
        audit.record(session, "act_as_end", subject="users", subject_id=impersonation.user_id)
        await session.commit()
        await _store(request, None)


def current(request: Request) -> Impersonation | None:
    """The impersonation of the signed-in admin, or None if there is none or it has expired."""
    visit: visits.Visit | None = getattr(request.state, "visit", None)
    found = visit.impersonation if visit else None
    return found if found and time.time() < found.expires_at else None


def issue_token(request: Request) -> str | None:
    """Sign the access token of the current impersonation; None if there is none."""
    impersonation, session = current(request), request.state.session
    if impersonation is None:
        return None
    payload = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "role": AUDIENCE,
        "sub": str(impersonation.user_id),
        "act": {"sub": str(session.user_id)},
        "sid": session.key,
        "jti": impersonation.token_id,
        "exp": int(impersonation.expires_at),
    }
    key = signing.keys(PURPOSE)[0]
    return jwt.encode(payload, key, signing.ALGORITHM, headers=HEADER)


async def verify(request: Request, token: str) -> Claims | None:
    """Return the claims of an impersonation token, or None if the token is of another kind.

    Raises:
        UnauthenticatedError: the token is not valid, or the impersonation has ended.
        ForbiddenError: the admin has lost the role, or the user has been given one.
    """
    if not token.startswith(PREFIX):
        return None
    try:
        payload = signing.read_token(
            signing.keys(PURPOSE),
            token,
            audience=AUDIENCE,
            issuer=ISSUER,
            options={"require": ["exp", "sub", "sid", "jti"]},
        )
    except jwt.PyJWTError as error:
        raise UnauthenticatedError("The token is not valid.", code="invalid_token") from error
    # The admin is not at the site now: the request must not prolong the session or the visit.
    redis = request.app.state.redis
    session = await store.get(redis, payload["sid"], prolong=False)
    visit = await visits.get(redis, session, prolong=False) if session else None
    impersonation = visit.impersonation if visit else None
    if not session or not impersonation or impersonation.token_id != payload["jti"]:
        raise UnauthenticatedError("The impersonation has ended.", code="acting_ended")
    admin = await get_authorized_user(database_of(request), session.user_id)
    user = await get_user(database_of(request), UUID(payload["sub"]))
    if admin.role != "admin" or user.role != "user":
        raise ForbiddenError(
            "Only admins can impersonate, and only users without a role.",
            code="impersonation_forbidden",
        )
    context.actor_id.set(str(admin.id))
    log.info("acting_as", user=str(user.id))
    return Claims(
        user_id=user.id,
        email=None,
        assurance="aal1",
        session_id=session.key,
        expires=float(payload["exp"]),
    )


async def _store(request: Request, impersonation: Impersonation | None) -> None:
    request.state.visit = await visits.impersonate(
        request.app.state.redis, request.state.session, impersonation
    )
