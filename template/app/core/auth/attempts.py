"""Limits on attempts to sign in: for each client address and for each account.

An attempt is counted before the password is checked, so that concurrent attempts count as well.
While Redis does not answer, sign-ins fail; a session could not be stored either.
"""

import hashlib
from dataclasses import dataclass

from redis.asyncio import Redis

from app.core.errors import AppError
from app.core.redis import redis_key

WINDOW = 15 * 60  # seconds from the first attempt until the count starts again


class TooManyAttemptsError(AppError):
    """The limit of attempts is reached."""

    status = 429
    code = "too_many_tries"


@dataclass(frozen=True)
class AttemptLimit:
    """How many attempts are allowed within `WINDOW`.

    Args:
        prefix: of the keys in Redis, so that each place to sign in has counts of its own.
        per_account: attempts for one e-mail address.
        per_address: attempts from one client address.
    """

    prefix: str
    per_account: int
    per_address: int

    async def count(self, redis: Redis, address: str, email: str) -> None:
        """Count one attempt to sign in.

        Raises:
            TooManyAttemptsError: the address or the account has exceeded its limit.
        """
        keys = (self._key("address", address), self._key("account", email))
        async with redis.pipeline() as pipe:
            for key in keys:
                pipe.incr(key)
                pipe.expire(key, WINDOW, nx=True)
            counts = (await pipe.execute())[::2]
        if counts[0] > self.per_address or counts[1] > self.per_account:
            raise TooManyAttemptsError("Too many attempts. Try again in a quarter of an hour.")

    async def reset(self, redis: Redis, address: str, email: str) -> None:
        """After a sign-in, reset the count of the account and take one attempt from the address."""
        async with redis.pipeline() as pipe:
            pipe.delete(self._key("account", email))
            pipe.decr(self._key("address", address))
            await pipe.execute()

    def _key(self, kind: str, value: str) -> str:
        digest = hashlib.sha256(value.encode()).hexdigest()
        return redis_key(f"{self.prefix}:tries:{kind}:{digest}")
