"""What this feature hears of."""

from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from app.extensions.credits.service.accounts import locked
from app.extensions.users.service import get


async def welcome(session: AsyncSession, *, user_id: UUID) -> None:
    """Open the account of a new user, in the transaction that makes the user.

    Not of somebody without an address, who may be anonymous and come as often as they like. Such an
    account is opened at its first use, which only people with a sign-in of their own get to.
    """
    if (await get(session, user_id)).email:
        await session.run_sync(locked, user_id)


EVENTS = {"users.created": welcome}
