"""The events that this feature handles: its mails are sent in the transaction of the books."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.errors import NotFoundError
from app.extensions.billing.service import holders
from app.extensions.billing.service.catalogue import catalogue, return_page
from app.extensions.billing.service.money import shown
from app.extensions.billing.service.paid import read_invoice
from app.extensions.billing_email.email import PaymentFailed, PlanEnded
from app.extensions.email.service import mailable, send
from app.extensions.users.service import get

LOST = ("canceled", "unpaid")


async def tell_of_failure(
    session: AsyncSession, *, holder_id: UUID, invoice_id: UUID, attempts: int
) -> None:
    """Tell everybody who manages payments, once for each attempt."""
    invoice = await read_invoice(session, invoice_id)
    again = invoice.next_attempt_at
    async for user_id, to in _recipients(session, holder_id):
        mail = PaymentFailed.model_validate(
            {
                "to": to,
                "amount": shown(invoice.total, invoice.currency),
                "next_attempt": f"{again:%Y-%m-%d}" if again else None,
                "link": invoice.page_url or return_page(),
            }
        )
        await send(session, mail, key=f"billing.failed:{invoice.stripe_id}:{attempts}:{user_id}")


async def tell_of_end(
    session: AsyncSession,
    *,
    holder_id: UUID,
    status: str,
    before: str | None,
    price: str | None,
) -> None:
    """Tell that a subscription has ended because it was not paid."""
    known = catalogue().priced(price)
    if before != "past_due" or status not in LOST or known is None:
        return
    async for _, to in _recipients(session, holder_id):
        mail = PlanEnded.model_validate({"to": to, "plan": known[0].name, "link": return_page()})
        await send(session, mail)


async def _recipients(session: AsyncSession, holder_id: UUID) -> AsyncIterator[tuple[UUID, str]]:
    for user_id in await holders.managers(session, holder_id):
        try:
            to = mailable((await get(session, user_id)).email)
        except NotFoundError:
            continue
        if to:
            yield user_id, to


EVENTS: dict[str, Any] = {
    "billing.payment_failed": tell_of_failure,
    "billing.subscription_changed": tell_of_end,
}
