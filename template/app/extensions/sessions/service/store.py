"""Sessions in Redis, by the digest of the browser's cookie.

The tokens of Supabase Auth are encrypted with the cookie, so that the content of Redis is enough
neither for a session here nor for one there.
"""

import base64
import hashlib
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass, replace
from typing import Any, cast
from uuid import UUID

from cryptography.fernet import Fernet
from pydantic import TypeAdapter
from redis.asyncio import Redis
from redis.asyncio.client import Pipeline

from app.core.redis import redis_key
from app.core.settings import load_settings
from app.extensions.sessions.service.browser import Browser, session_seconds
from app.extensions.sessions.settings import SessionSettings


@dataclass(frozen=True, slots=True)
class Tokens:
    """The tokens of a session at Supabase Auth."""

    access: str
    refresh: str
    expires_at: float  # of the access token, in seconds since the epoch


@dataclass(frozen=True, slots=True)
class Session:
    """One sign-in of one user with one browser. Times are seconds since the epoch."""

    key: str
    user_id: UUID
    role: str  # of the user when the cookie was set
    method: str  # of the sign-in: password, or the kind of a mail, such as recovery
    started_at: float
    expires_at: float  # however often the session is used
    address: str
    agent: str
    sealed: str  # `Tokens`, encrypted
    tokens_expire_at: float
    previous: str = ""  # the key before the last move
    confirmed_at: float = 0.0  # when the person has last proved again who they are

    def tokens(self, browser: Browser) -> Tokens:
        """Decrypt the tokens with the cookie of the browser."""
        return open_tokens(browser, self.sealed)


_ADAPTER = TypeAdapter(Session)


async def start(
    redis: Redis, browser: Browser, tokens: Tokens, *, user_id: UUID, role: str, method: str,
    address: str, agent: str,
) -> Session:  # fmt: skip
    """Store a new session of a browser."""
    now = time.time()
    session = Session(
        key=browser.key,
        user_id=user_id,
        role=role,
        method=method,
        started_at=now,
        expires_at=now + session_seconds(),
        address=address,
        agent=agent[:200],
        sealed=seal_tokens(browser, tokens),
        tokens_expire_at=tokens.expires_at,
    )
    async with redis.pipeline() as pipe:
        _add(pipe, session)
        await pipe.execute()
    return session


async def get(redis: Redis, key: str, *, prolong: bool = True) -> Session | None:
    """Return a session that has not expired; `prolong` restarts its idle time."""
    name = _name(key)
    stored = await (redis.getex(name, ex=_idle_seconds()) if prolong else redis.get(name))
    session = _ADAPTER.validate_json(stored) if stored else None
    return session if session and time.time() < session.expires_at else None


async def save_tokens(
    redis: Redis, session: Session, browser: Browser, tokens: Tokens
) -> Session | None:
    """Store new tokens; see `change`."""
    sealed = seal_tokens(browser, tokens)
    return await change(redis, session, sealed=sealed, tokens_expire_at=tokens.expires_at)


async def change(redis: Redis, session: Session, **values: Any) -> Session | None:
    """Store other values of some fields; None if the session has ended in the meantime.

    The other fields keep what is stored: another request may have changed them since this one read
    the session, or shortened the life of its cookie.
    """

    def changed(pipe: Pipeline, latest: Session) -> Session:
        latest = replace(latest, **values)
        pipe.set(_name(latest.key), _ADAPTER.dump_json(latest), keepttl=True)
        return latest

    return await _atomically(redis, session, changed)


async def move(
    redis: Redis, session: Session, old: Browser, new: Browser, *, grace: int, **changes: str
) -> Session | None:
    """Store the session under another cookie; None if it has ended in the meantime.

    The old cookie works for `grace` more seconds. `changes` are other values of the fields `role`
    and `method`.
    """

    def moved(pipe: Pipeline, latest: Session) -> Session:
        values: dict[str, Any] = {
            **changes,
            "key": new.key,
            "sealed": seal_tokens(new, latest.tokens(old)),
            "previous": latest.key,
            # That of `latest` is short if another request has moved the session.
            "expires_at": session.expires_at,
        }
        successor = replace(latest, **values)
        _add(pipe, successor)
        if grace:
            # It stays a session of the user until then, so that `end_all` finds it.
            ending = replace(latest, expires_at=time.time() + grace)
            pipe.set(_name(latest.key), _ADAPTER.dump_json(ending), ex=grace)
        else:
            _remove(pipe, latest.user_id, latest.key)
        return successor

    return await _atomically(redis, session, moved)


async def of_user(redis: Redis, user_id: UUID) -> list[tuple[Session, float]]:
    """Return the sessions of a user, and when each was used last, newest use first."""
    keys = [key.decode() for key in await _members(redis, user_id)]
    async with redis.pipeline() as pipe:
        for key in keys:
            pipe.get(_name(key))
            pipe.ttl(_name(key))
        answers = await pipe.execute()
    now, idle = time.time(), _idle_seconds()
    found = [
        (_ADAPTER.validate_json(stored), now - (idle - left))
        for stored, left in zip(answers[::2], answers[1::2], strict=True)
        if stored
    ]
    replaced = {session.previous for session, _ in found}
    current = [each for each in found if each[0].key not in replaced]
    return sorted(current, key=lambda each: each[1], reverse=True)


async def end(redis: Redis, *sessions: Session) -> None:
    """End sessions, also with the previous cookie, and with the next one of a `move` since then."""
    for session in sessions:
        await _end(redis, session.user_id, session.key, session.previous)
        # Nothing moves it from now on, so what a `move` has made of it is there already.
        mine = await of_user(redis, session.user_id)
        await _end(
            redis,
            session.user_id,
            *(each.key for each, _ in mine if each.previous == session.key),
        )


async def end_all(redis: Redis, user_id: UUID, *, keep: str | None = None) -> None:
    """End all sessions of a user, or all but one."""
    # One that moves at this moment is found the next time, with its other key.
    while keys := {key.decode() for key in await _members(redis, user_id)} - {keep}:
        await _end(redis, user_id, *keys)


def seal(browser: Browser, text: str) -> str:
    """Encrypt a text with the cookie of a browser."""
    return _cipher(browser).encrypt(text.encode()).decode()


def open_sealed(browser: Browser, sealed: str | bytes) -> str:
    """Decrypt a text with the cookie of the browser for which it was encrypted."""
    return _cipher(browser).decrypt(sealed).decode()


def seal_tokens(browser: Browser, tokens: Tokens) -> str:
    """Encrypt tokens with the cookie of a browser."""
    return seal(browser, json.dumps(asdict(tokens)))


def open_tokens(browser: Browser, sealed: str) -> Tokens:
    """Decrypt tokens with the cookie of the browser for which they were encrypted."""
    return Tokens(**json.loads(open_sealed(browser, sealed)))


async def _end(redis: Redis, user_id: UUID, *keys: str) -> None:
    async with redis.pipeline() as pipe:
        for key in keys:
            _remove(pipe, user_id, key)
        await pipe.execute()


async def _atomically(
    redis: Redis, session: Session, write: Callable[[Pipeline, Session], Session]
) -> Session | None:
    """Let `write` add commands that depend on the stored session; None if there is none.

    It is called again if another request changes the session before the commands are executed.
    """
    name = _name(session.key)

    async def attempt(pipe: Pipeline) -> Session | None:
        stored = await pipe.get(name)
        pipe.multi()  # type: ignore[no-untyped-call]
        return write(pipe, _ADAPTER.validate_json(stored)) if stored else None

    result: Session | None = await redis.transaction(attempt, name, value_from_callable=True)
    return result


def _add(pipe: Pipeline, session: Session) -> None:
    pipe.set(_name(session.key), _ADAPTER.dump_json(session), ex=_idle_seconds())
    pipe.sadd(_names_of(session.user_id), session.key)
    pipe.expire(_names_of(session.user_id), session_seconds())


def _remove(pipe: Pipeline, user_id: UUID, key: str) -> None:
    pipe.delete(_name(key))
    pipe.srem(_names_of(user_id), key)


async def _members(redis: Redis, user_id: UUID) -> set[Any]:
    # redis-py types the answer as that of either of its clients.
    return await cast("Awaitable[set[Any]]", redis.smembers(_names_of(user_id)))


def _cipher(browser: Browser) -> Fernet:
    key = hashlib.sha256(b"tokens " + browser.secret.encode()).digest()
    return Fernet(base64.urlsafe_b64encode(key))


def _idle_seconds() -> int:
    minutes: int = load_settings(SessionSettings).idle_minutes
    return minutes * 60


def _name(key: str) -> str:
    return redis_key(f"session:{key}")


def _names_of(user_id: UUID) -> str:
    return redis_key(f"sessions:{user_id}")
