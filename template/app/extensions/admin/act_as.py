"""To act as a user: an admin gets a token that the API takes for the user's, for some minutes.

It is this backend's own, signed with SECRET_KEY, and no session of Supabase's: what asks Supabase
itself (`LiveUser`, files by the user's own client) refuses it. It is good for as long as the
admin's session, in which it is noted, and never for somebody who administers anything.
"""

import hashlib
import hmac
import secrets
import time
from dataclasses import replace
from typing import Any
from uuid import UUID

import jwt
from redis.asyncio import Redis
from sqlmodel.ext.asyncio.session import AsyncSession
from starlette.requests import Request

from app.core import context
from app.core.auth.dependencies import Claims
from app.core.database import Database
from app.core.errors import ForbiddenError, UnauthenticatedError
from app.core.logging import get_logger
from app.core.settings import get_settings, load_settings
from app.extensions.admin import audit, sessions
from app.extensions.admin.people import permitted, read
from app.extensions.admin.settings import AdminSettings
from app.extensions.users import service as users

ISSUER = "urn:app:admin"
AUDIENCE = "authenticated"
ALGORITHM = "HS256"
# Says what it is, and by its beginning alone which tokens are ours.
HEADER = {"typ": "act-as+jwt"}
BEGINNING = jwt.encode({}, "-" * 32, ALGORITHM, headers=HEADER).partition(".")[0] + "."

log = get_logger(__name__)


async def start(request: Request, session: AsyncSession, user_id: UUID) -> None:
    """Let who is signed in to the site act as a user. Commits an entry of the audit log.

    Raises:
        ForbiddenError: the user may use the site as well, or is not let in.
    """
    user = users.ensure_active(await read(request.app.state.database, user_id))
    if user.role != "user":
        raise ForbiddenError("This is for plain users: nobody acts as an admin or as support.")
    until = time.time() + load_settings(AdminSettings).act_as_minutes * 60
    acting = sessions.Acting(secrets.token_urlsafe(16), str(user.id), user.email, until)
    audit.record(session, "act_as", subject="users", subject_id=user.id)
    await session.commit()
    request.state.session = replace(request.state.session, acting=acting)
    await sessions.save(request.app.state.redis, request.state.session)


async def stop(request: Request, session: AsyncSession) -> None:
    """Act as nobody else from now on: the token is worth nothing. Commits an entry."""
    if acting := request.state.session.acting:
        audit.record(session, "act_as_end", subject="users", subject_id=acting.user_id)
        await session.commit()
        request.state.session = replace(request.state.session, acting=None)
        await sessions.save(request.app.state.redis, request.state.session)


def acting(request: Request) -> sessions.Acting | None:
    """As whom the signed-in person acts at this moment."""
    session: sessions.Session | None = getattr(request.state, "session", None)
    found = session.acting if session else None
    return found if found and time.time() < found.until else None


def token(session: sessions.Session) -> str:
    """Write the token of a session that acts as a user."""
    assert session.acting
    payload = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "role": AUDIENCE,
        "sub": session.acting.user_id,
        "act": {"sub": str(session.user_id)},
        "sid": session.key,
        "jti": session.acting.token_id,
        "exp": int(session.acting.until),
    }
    return jwt.encode(payload, _key(), ALGORITHM, headers=HEADER)


async def verify(request: Request, token: str) -> Claims | None:
    """Return the claims of such a token; None of any other, which somebody else may know.

    Raises:
        UnauthenticatedError: it is not good, or acting has ended.
        ForbiddenError: the admin is none any more, or the user has become one.
    """
    if not token.startswith(BEGINNING):
        return None
    try:
        payload: dict[str, Any] = jwt.decode(
            token,
            _key(),
            algorithms=[ALGORITHM],
            audience=AUDIENCE,
            issuer=ISSUER,
            options={"require": ["exp", "sub", "sid", "jti"]},
        )
    except jwt.PyJWTError as error:
        raise UnauthenticatedError("The token is not valid.", code="invalid_token") from error
    redis: Redis = request.app.state.redis
    database: Database = request.app.state.database
    session = await sessions.find(redis, payload["sid"], used=False)
    if not session or not session.acting or session.acting.token_id != payload["jti"]:
        raise UnauthenticatedError("Acting as this user has ended.", code="acting_ended")
    actor = await permitted(database, session.user_id)
    user = await read(database, UUID(payload["sub"]))
    if actor.role != "admin" or user.role != "user":
        raise ForbiddenError("Only admins act as users, and only as plain ones.")
    context.actor_id.set(str(actor.id))
    log.info("acting_as", user=str(user.id))
    return Claims(
        user_id=user.id,
        email=None,
        assurance="aal1",
        session_id=session.key,
        expires=float(payload["exp"]),
    )


def _key() -> bytes:
    secret = get_settings().secret_key.get_secret_value().encode()
    return hmac.new(secret, b"admin act as", hashlib.sha256).digest()
