"""The events that this feature handles, in the transaction in which the books change."""

from typing import Any
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from app.extensions.billing.service.catalogue import catalogue
from app.extensions.billing.service.paid import read_paid
from app.extensions.billing_credits import service


async def grant(session: AsyncSession, *, holder_id: UUID, invoice_id: UUID) -> None:
    """Grant the credits of a paid invoice."""
    paid = await read_paid(session, invoice_id)
    await session.run_sync(service.grant_paid, catalogue(), holder_id, invoice_id, paid)


async def take(session: AsyncSession, *, holder_id: UUID, invoice_id: UUID, **_: Any) -> None:
    """Take back credits whose payment went back."""
    paid = await read_paid(session, invoice_id)
    await session.run_sync(service.take_returned, holder_id, invoice_id, paid)


EVENTS = {"billing.invoice_paid": grant, "billing.invoice_returned": take}
