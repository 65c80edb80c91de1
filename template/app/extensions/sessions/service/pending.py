"""A sign-in that still lacks the code of the second factor.

It is no session: no page accepts it but the one that asks for the code. It is kept like a session,
in Redis by the digest of the cookie, with the tokens encrypted with the cookie.
"""

from dataclasses import dataclass
from uuid import UUID

from pydantic import TypeAdapter
from redis.asyncio import Redis

from app.core.redis import redis_key
from app.extensions.sessions.service.auth import Factor
from app.extensions.sessions.service.browser import Browser
from app.extensions.sessions.service.store import Tokens, open_tokens, seal_tokens

SECONDS = 600


@dataclass(frozen=True, slots=True)
class Pending:
    """The first step of a sign-in."""

    user_id: UUID
    method: str  # see `store.Session`
    factors: tuple[Factor, ...]
    sealed: str  # `Tokens`, encrypted

    def tokens(self, browser: Browser) -> Tokens:
        """Decrypt the tokens with the cookie of the browser."""
        return open_tokens(browser, self.sealed)


_ADAPTER = TypeAdapter(Pending)


async def hold(
    redis: Redis, browser: Browser, tokens: Tokens, *, user_id: UUID, method: str,
    factors: tuple[Factor, ...],
) -> None:  # fmt: skip
    """Store the first step for some minutes."""
    held = Pending(user_id, method, factors, seal_tokens(browser, tokens))
    await redis.set(_name(browser), _ADAPTER.dump_json(held), ex=SECONDS)


async def get(redis: Redis, browser: Browser) -> Pending | None:
    """Return the first step of this browser."""
    stored = await redis.get(_name(browser))
    return _ADAPTER.validate_json(stored) if stored else None


async def drop(redis: Redis, browser: Browser) -> None:
    """Forget the first step."""
    await redis.delete(_name(browser))


def _name(browser: Browser) -> str:
    return redis_key(f"session:pending:{browser.key}")
