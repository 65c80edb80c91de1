"""Each key is counted alone, with the tier of its owner and the factor of the tier `key`."""

from uuid import UUID

from starlette.requests import HTTPConnection

from app.extensions.api_keys import verification
from app.extensions.api_keys.key_format import looks_like_key

TIERS = {"key": 1.0}


async def caller_of(connection: HTTPConnection, token: str) -> tuple[str, UUID, UUID] | None:
    """Return the kind `key`, the id and the user of a key, or None for other tokens.

    Raises:
        UnauthenticatedError: see `verification.find`.
    """
    if not looks_like_key(token):
        return None
    key = await verification.find(connection.app.state.database.reader, token)
    return "key", key.id, key.user_id
