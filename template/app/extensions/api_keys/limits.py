"""Each key is counted alone, with the tier of its owner and the factor of the tier `key`.

A key with the attribute `rate` has this rate instead of the default; see `api_keys_limits`.
"""

from functools import lru_cache
from uuid import UUID

from starlette.requests import HTTPConnection

from app.extensions.api_keys import verification
from app.extensions.api_keys.key_format import looks_like_key
from app.extensions.limits.deps import Rate

TIERS = {"key": 1.0}
_parse = lru_cache(1000)(Rate.parse)


async def caller_of(
    connection: HTTPConnection, token: str
) -> tuple[str, UUID, UUID, Rate | None] | None:
    """Return the kind `key`, the id, the user and the rate of a key, or None for other tokens.

    It is also None for a key that is refused from this address, so that somebody who has found the
    key cannot use up what its machine may send.

    Raises:
        UnauthenticatedError: see `verification.find`.
    """
    if not looks_like_key(token):
        return None
    key = await verification.find(connection.app.state.database.reader, token)
    if not key.admits(connection.client.host if connection.client else ""):
        return None
    rate = key.attributes.get("rate")
    return "key", key.id, key.user_id, _parse(rate) if rate else None
