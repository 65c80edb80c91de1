"""The rate of a key.

Operators set it, and not owners: whoever chooses a limit is not limited by it.
"""

from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from app.extensions.api_keys import service as keys
from app.extensions.api_keys.service import ApiKey
from app.extensions.limits.deps import Rate

ATTRIBUTE = "rate"


async def set_rate(
    session: AsyncSession, key_id: UUID, rate: str | None, *, address: str
) -> ApiKey:
    """Give a key a rate of its own instead of the default, or take it back with None. Commits.

    Limits of single routes stay as they are.

    Raises:
        InvalidError: `invalid_rate`.
        NotFoundError: there is no such key.
    """
    if rate is not None:
        Rate.parse(rate)
    return await keys.set_attribute(session, key_id, ATTRIBUTE, rate, address=address)
