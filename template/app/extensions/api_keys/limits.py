"""Each key is counted alone, with the tier of its owner and the factor of the tier `key`.

A key with the attribute `rate` has this rate instead of the default; see `api_keys_limits`.
"""

from functools import lru_cache
from uuid import UUID

from cachetools import TTLCache
from starlette.requests import HTTPConnection

from app.core.errors import UnauthenticatedError
from app.core.http.addresses import network_of
from app.extensions.api_keys import verification
from app.extensions.api_keys.key_format import invalid_key, looks_like_key
from app.extensions.limits.deps import Rate

TIERS = {"key": 1.0}

# Unknown keys of one address in a minute, after which its count comes before the look for a key
# that this process has not read yet. Keys that it has read stay apart from those who guess.
GUESSES = 20
_guesses: TTLCache[str, int] = TTLCache(10_000, ttl=60)

_parse = lru_cache(1000)(Rate.parse)


async def caller_of(
    connection: HTTPConnection, token: str
) -> tuple[str, UUID, UUID, Rate | None] | None:
    """Return the kind `key`, the id, the user and the rate of a key, or None for other tokens.

    It is also None for a key that is refused from this address, so that somebody who has found the
    key cannot use up what its machine may send.

    Raises:
        UnauthenticatedError: see `verification.find`; or too many unknown keys came from this
            address, which is counted then. If it may send more, the route looks for the key.
    """
    if not looks_like_key(token):
        return None
    address = connection.client.host if connection.client else ""
    network, is_guess = network_of(address), verification.is_guess(token)
    if is_guess and _guesses.get(network, 0) >= GUESSES:
        raise invalid_key()
    try:
        key = await verification.find(connection.app.state.database.reader, token)
    except UnauthenticatedError:
        if is_guess:
            _guesses[network] = _guesses.get(network, 0) + 1
        raise
    if not key.admits(address):
        return None
    rate = key.attributes.get("rate")
    return "key", key.id, key.user_id, _parse(rate) if rate else None
