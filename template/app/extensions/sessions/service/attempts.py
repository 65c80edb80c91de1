"""Limits on attempts to sign in: for each client address and for each account.

An attempt is counted before the password is checked, so that concurrent attempts count as well.
"""

import hashlib

from redis.asyncio import Redis

from app.core.errors import AppError
from app.core.redis import redis_key

WINDOW = 15 * 60  # seconds from the first attempt until the count starts again
PER_ACCOUNT = 10
PER_ADDRESS = 60


class TooManyAttemptsError(AppError):
    """The limit of attempts is reached."""

    status = 429
    code = "too_many_tries"


async def count(redis: Redis, address: str, email: str) -> None:
    """Count one attempt.

    Raises:
        TooManyAttemptsError: the address or the account has exceeded its limit.
    """
    keys = (_key("address", address), _key("account", email))
    async with redis.pipeline() as pipe:
        for key in keys:
            pipe.incr(key)
            pipe.expire(key, WINDOW, nx=True)
        counts = (await pipe.execute())[::2]
    if counts[0] > PER_ADDRESS or counts[1] > PER_ACCOUNT:
        raise TooManyAttemptsError("Too many attempts. Try again in a quarter of an hour.")


async def reset(redis: Redis, address: str, email: str) -> None:
    """After a sign-in, reset the count of the account and take one attempt from the address."""
    async with redis.pipeline() as pipe:
        pipe.delete(_key("account", email))
        pipe.decr(_key("address", address))
        await pipe.execute()


def _key(kind: str, value: str) -> str:
    return redis_key(f"session:tries:{kind}:{hashlib.sha256(value.encode()).hexdigest()}")
