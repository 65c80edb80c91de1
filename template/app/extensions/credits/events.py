"""The events that this feature handles."""

from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from app.extensions.credits.service.accounts import lock_or_open
from app.extensions.users.service import get


async def open_account(session: AsyncSession, *, user_id: UUID) -> None:
    """Open the account of a new user, in the transaction that creates the user.

    A user without an e-mail address may be anonymous, and anonymous sign-ins are not limited. The
    account of such a user is opened at its first use, which requires a permanent sign-in.
    """
    if (await get(session, user_id)).email:
        await session.run_sync(lock_or_open, user_id)


EVENTS = {"users.created": open_account}
