"""What was paid, for features that give something for it, see the events of `books`."""

from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.extensions.billing.models import invoices, lines


@dataclass(frozen=True)
class PaidLine:
    """A line of a paid invoice; amounts are before discounts and taxes."""

    stripe_id: str
    price: str | None  # a key of the catalogue; None for what others have put on the invoice
    quantity: int
    amount: int  # negative for the unused time of the price before a change
    unit_amount: int  # for one seat and a whole interval


@dataclass(frozen=True)
class PaidInvoice:
    """A paid invoice, and how much of the payment went back."""

    stripe_id: str
    number: str | None
    paid: int
    returned: int
    lines: tuple[PaidLine, ...]


async def read_paid(session: AsyncSession, invoice_id: UUID) -> PaidInvoice:
    """Return a paid invoice with its lines, in the order of Stripe's ids."""
    found: Any = select(invoices).where(invoices.c.id == invoice_id)
    invoice = (await session.exec(found)).mappings().one()
    each: Any = select(lines).where(lines.c.invoice_id == invoice_id).order_by(lines.c.stripe_id)
    return PaidInvoice(
        stripe_id=invoice["stripe_id"],
        number=invoice["number"],
        paid=invoice["paid"],
        returned=invoice["returned"],
        lines=tuple(
            PaidLine(
                stripe_id=row["stripe_id"],
                price=row["price"],
                quantity=row["quantity"],
                amount=row["amount"],
                unit_amount=row["unit_amount"],
            )
            for row in (await session.exec(each)).mappings()
        ),
    )


@dataclass(frozen=True)
class Invoice:
    """An invoice, as mails tell of it."""

    stripe_id: str
    total: int
    currency: str
    page_url: str | None
    next_attempt_at: datetime | None


async def read_invoice(session: AsyncSession, invoice_id: UUID) -> Invoice:
    """Return an invoice, in any status."""
    found: Any = select(*(invoices.c[each.name] for each in fields(Invoice)))
    row = (await session.exec(found.where(invoices.c.id == invoice_id))).mappings().one()
    return Invoice(**row)
