"""How often somebody may try to sign in: by address, against many accounts, and by account.

It counts before the password is looked at, so that tries at the same moment count as well. While
Redis is away nobody signs in: a session could not be stored either.
"""

import hashlib

from redis.asyncio import Redis

from app.core.database.models import SCHEMA
from app.core.errors import AppError

WINDOW = 15 * 60  # seconds from the first try to a new count
PER_ACCOUNT = 5
PER_ADDRESS = 30


class TooManyTriesError(AppError):
    """Another try has to wait."""

    status = 429
    code = "too_many_tries"


async def count_try(redis: Redis, address: str, email: str) -> None:
    """Count one try to sign in.

    Raises:
        TooManyTriesError: it is one too many, for the address or for the account.
    """
    keys = (_key("address", address), _key("account", email))
    async with redis.pipeline() as pipe:
        for key in keys:
            pipe.incr(key)
            pipe.expire(key, WINDOW, nx=True)
        counts = (await pipe.execute())[::2]
    if counts[0] > PER_ADDRESS or counts[1] > PER_ACCOUNT:
        raise TooManyTriesError("Too many tries: wait a quarter of an hour, then try again.")


async def forgive(redis: Redis, address: str, email: str) -> None:
    """Take back the tries of an account that signed in, and the one of its address."""
    async with redis.pipeline() as pipe:
        pipe.delete(_key("account", email))
        pipe.decr(_key("address", address))
        await pipe.execute()


def _key(kind: str, value: str) -> str:
    return f"{SCHEMA}:admin:tries:{kind}:{hashlib.sha256(value.encode()).hexdigest()}"
