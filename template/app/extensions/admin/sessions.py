"""Sessions of the site, in Redis. The cookie holds a random secret, Redis only its digest."""

import hashlib
import time
from dataclasses import dataclass
from uuid import UUID

from pydantic import TypeAdapter
from redis.asyncio import Redis

from app.core.redis import redis_key
from app.core.settings import load_settings
from app.extensions.admin.settings import AdminSettings


@dataclass(frozen=True, slots=True)
class Impersonation:
    """The user as whom an admin acts, see `impersonation`."""

    token_id: str
    user_id: UUID
    email: str | None
    expires_at: float  # seconds since the epoch


@dataclass(frozen=True, slots=True)
class Session:
    """One sign-in of one user."""

    key: str
    user_id: UUID
    expires_at: float  # seconds since the epoch, however often the session is used
    impersonation: Impersonation | None = None


_ADAPTER = TypeAdapter(Session)


def digest(secret: str) -> str:
    """Return the key of a session: the content of Redis is not enough to sign in."""
    return hashlib.sha256(secret.encode()).hexdigest()


async def start(redis: Redis, user_id: UUID, secret: str) -> Session:
    """Store a new session for the browser whose cookie holds `secret`."""
    settings = load_settings(AdminSettings)
    seconds = settings.session_hours * 3600
    session = Session(digest(secret), user_id, time.time() + seconds)
    name, names = _name(session.key), _names_of(user_id)
    async with redis.pipeline() as pipe:
        pipe.set(name, _ADAPTER.dump_json(session), ex=settings.idle_minutes * 60)
        pipe.sadd(names, name)
        pipe.expire(names, seconds)
        await pipe.execute()
    return session


async def get(redis: Redis, key: str, *, prolong: bool = True) -> Session | None:
    """Return a session that has not expired; `prolong` restarts its idle time."""
    idle = load_settings(AdminSettings).idle_minutes * 60
    stored = await (redis.getex(_name(key), ex=idle) if prolong else redis.get(_name(key)))
    session = _ADAPTER.validate_json(stored) if stored else None
    return session if session and time.time() < session.expires_at else None


async def save(redis: Redis, session: Session) -> None:
    """Store a changed session, unless it has ended in the meantime."""
    await redis.set(_name(session.key), _ADAPTER.dump_json(session), xx=True, keepttl=True)


async def end(redis: Redis, session: Session) -> None:
    """End one session."""
    name = _name(session.key)
    async with redis.pipeline() as pipe:
        pipe.delete(name)
        pipe.srem(_names_of(session.user_id), name)
        await pipe.execute()


async def end_all(redis: Redis, user_id: UUID) -> None:
    """End all sessions of a user."""
    names = _names_of(user_id)
    await redis.delete(names, *await redis.smembers(names))


def _name(key: str) -> str:
    return redis_key(f"admin:session:{key}")


def _names_of(user_id: UUID) -> str:
    return redis_key(f"admin:sessions:{user_id}")
