"""What billing has to do with organizations: what they own, and how many members they may have."""

from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from app.extensions.billing.service.seats import check_room
from app.extensions.organizations.service.holdings import Holding

# The customer at Stripe, with its subscriptions and invoices.
HOLDINGS = tuple(
    Holding(table, "holder_id")
    for table in ("billing_customers", "billing_subscriptions", "billing_invoices")
)


async def admit(session: AsyncSession, organization_id: UUID, expected: int) -> None:
    """Refuse more people than the plan has seats, see `organizations.service.admission`.

    Raises:
        app.extensions.billing.errors.NoSeatLeftError: all seats are taken.
    """
    await check_room(session, organization_id, expected)
