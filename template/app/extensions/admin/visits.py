"""Visits: how long a session opens the site without another proof of who the person is.

A session of `sessions` may last for weeks, which is too long for this site. So a visit begins with
a proof that is at most ADMIN_IDLE_MINUTES old: a sign-in, or the confirmation that a page asks for.
It ends after as many minutes without a request to the site, and ADMIN_SESSION_HOURS after the last
proof in any case. It belongs to the session by its key, and counts only while the session lasts.
"""

import time
from dataclasses import dataclass
from uuid import UUID

from pydantic import TypeAdapter
from redis.asyncio import Redis

from app.core.redis import redis_key
from app.core.settings import load_settings
from app.extensions.admin.settings import AdminSettings
from app.extensions.sessions.service.store import Session


@dataclass(frozen=True, slots=True)
class Impersonation:
    """The user as whom an admin acts, see `impersonation`."""

    token_id: str
    user_id: UUID
    email: str | None
    expires_at: float  # seconds since the epoch


@dataclass(frozen=True, slots=True)
class Visit:
    """The use of the site with one session."""

    impersonation: Impersonation | None = None


_ADAPTER = TypeAdapter(Visit)


async def enter(redis: Redis, session: Session) -> tuple[Visit | None, bool]:
    """Return the visit of a session, and whether it begins now; None if no proof is recent."""
    visit = await get(redis, session)
    if visit or _seconds_since_proof(session) > _idle_seconds():
        return visit, False
    stored = _ADAPTER.dump_json(Visit())
    # Of several requests at the same time, one begins it.
    is_new = await redis.set(_name(session), stored, ex=_idle_seconds(), nx=True)
    return await get(redis, session), bool(is_new)


async def get(redis: Redis, session: Session, *, prolong: bool = True) -> Visit | None:
    """Return the visit of a session, if it has not ended; `prolong` restarts its idle time."""
    if _seconds_since_proof(session) > load_settings(AdminSettings).session_hours * 3600:
        return None
    name = _name(session)
    stored = await (redis.getex(name, ex=_idle_seconds()) if prolong else redis.get(name))
    return _ADAPTER.validate_json(stored) if stored else None


async def impersonate(redis: Redis, session: Session, impersonation: Impersonation | None) -> Visit:
    """Store as whom the person acts, unless the visit has ended in the meantime."""
    visit = Visit(impersonation)
    await redis.set(_name(session), _ADAPTER.dump_json(visit), xx=True, keepttl=True)
    return visit


def _seconds_since_proof(session: Session) -> float:
    return time.time() - max(session.started_at, session.confirmed_at)


def _idle_seconds() -> int:
    minutes: int = load_settings(AdminSettings).idle_minutes
    return minutes * 60


def _name(session: Session) -> str:
    return redis_key(f"admin:visit:{session.key}")
