"""How other features end what a holder pays for."""

from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.tasks import enqueue
from app.extensions.billing.tasks import close


def end(session: AsyncSession, holder_id: UUID) -> None:
    """End all subscriptions of a holder, once the transaction is committed.

    A holder without a customer at Stripe needs nothing, and the task finds that out.
    """
    enqueue(session, close.s(holder_id=holder_id))
