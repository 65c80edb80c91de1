"""Sign-ins to the site, in Redis: the cookie holds a random secret, Redis its digest alone."""

import hashlib
import json
import time
from dataclasses import asdict, dataclass
from uuid import UUID

from redis.asyncio import Redis

from app.core.database.models import SCHEMA
from app.core.settings import load_settings
from app.extensions.admin.settings import AdminSettings


@dataclass(frozen=True, slots=True)
class Acting:
    """That the signed-in person acts as another user, see `act_as`."""

    token_id: str
    user_id: str
    email: str | None
    until: float  # seconds since the epoch


@dataclass(frozen=True, slots=True)
class Session:
    """One sign-in of one person."""

    key: str
    user_id: UUID
    until: float  # seconds since the epoch, whatever is done meanwhile
    acting: Acting | None = None


def digest(secret: str) -> str:
    """Return by what name a session is stored: whoever reads Redis cannot sign in with it."""
    return hashlib.sha256(secret.encode()).hexdigest()


async def start(redis: Redis, user_id: UUID, secret: str) -> Session:
    """Make a session for the browser whose cookie holds a new secret."""
    settings = load_settings(AdminSettings)
    seconds = settings.session_hours * 3600
    session = Session(digest(secret), user_id, time.time() + seconds)
    async with redis.pipeline() as pipe:
        pipe.set(_key(session.key), _dump(session), ex=settings.idle_minutes * 60)
        pipe.sadd(_all_of(user_id), session.key)
        pipe.expire(_all_of(user_id), seconds)
        await pipe.execute()
    return session


async def find(redis: Redis, key: str, *, used: bool = True) -> Session | None:
    """Return a session that still stands; its idle time begins anew if it is `used`."""
    idle = load_settings(AdminSettings).idle_minutes * 60
    stored = await (redis.getex(_key(key), ex=idle) if used else redis.get(_key(key)))
    session = _load(key, stored) if stored else None
    return session if session and time.time() < session.until else None


async def save(redis: Redis, session: Session) -> None:
    """Store a changed session, unless it has ended meanwhile."""
    await redis.set(_key(session.key), _dump(session), xx=True, keepttl=True)


async def end(redis: Redis, session: Session) -> None:
    """Sign out here."""
    async with redis.pipeline() as pipe:
        pipe.delete(_key(session.key))
        pipe.srem(_all_of(session.user_id), session.key)
        await pipe.execute()


async def end_all(redis: Redis, user_id: UUID) -> None:
    """Sign a person out everywhere."""
    stored = await redis.smembers(_all_of(user_id))
    keys = (key.decode() if isinstance(key, bytes) else key for key in stored)
    await redis.delete(_all_of(user_id), *map(_key, keys))


def _key(key: str) -> str:
    return f"{SCHEMA}:admin:session:{key}"


def _all_of(user_id: UUID) -> str:
    return f"{SCHEMA}:admin:sessions:{user_id}"


def _dump(session: Session) -> str:
    return json.dumps(asdict(session) | {"user_id": str(session.user_id)})


def _load(key: str, stored: bytes | str) -> Session:
    values = json.loads(stored)
    acting = Acting(**values["acting"]) if values["acting"] else None
    return Session(key, UUID(values["user_id"]), values["until"], acting)
