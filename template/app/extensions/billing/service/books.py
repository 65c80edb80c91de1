"""Writes what was read at Stripe, and reports what has changed by events of the application.

The events, each in the transaction of the change:

    billing.subscription_changed  holder_id, status, before: the status before; price
    billing.invoice_paid          holder_id, invoice_id: once for each invoice
    billing.invoice_returned      holder_id, invoice_id, returned: refunded or disputed so far
    billing.payment_failed        holder_id, invoice_id, attempts: once for each attempt
    billing.fraud_warning         holder_id, invoice_id
"""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import stripe
from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel.ext.asyncio.session import AsyncSession
from uuid_utils.compat import uuid7

from app.core.events import emit
from app.core.logging import get_logger
from app.extensions.billing.models import customers, invoices, lines, subscriptions
from app.extensions.billing.service.client import id_of
from app.extensions.billing.service.prices import key_of
from app.extensions.billing.service.reading import ReadInvoice, subscription_of

RETRIED = "past_due"
PAID = "paid"

log = get_logger(__name__)


def at(seconds: int | None) -> datetime | None:
    """Return a time of Stripe's."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


async def now(session: AsyncSession) -> datetime:
    """Return the clock of the database, which all processes share, and end the transaction."""
    statement: Any = select(func.clock_timestamp())
    found: datetime = (await session.exec(statement)).scalar_one()
    await session.rollback()
    return found


async def _lock(session: AsyncSession, holder_id: UUID) -> None:
    """Let one transaction at a time write for a holder: a new row has nothing else to lock.

    Otherwise, two events about the same new invoice would both report it.
    """
    customer: Any = select(customers.c.holder_id).where(customers.c.holder_id == holder_id)
    await session.exec(customer.with_for_update(key_share=True))


async def write_customer(
    session: AsyncSession, customer: stripe.Customer, read_at: datetime
) -> None:
    """Store a customer; one that was deleted at Stripe keeps its row."""
    deleted = bool(getattr(customer, "deleted", False))
    values: dict[str, Any] = {"read_at": read_at, "updated_at": read_at}
    if deleted:
        values["deleted_at"] = read_at
    else:
        values |= {"email": customer.email, "delinquent": bool(customer.delinquent)}
    statement = update(customers).where(
        customers.c.stripe_id == customer.id, customers.c.read_at <= read_at
    )
    await session.exec(statement.values(**values))


async def write_subscription(
    session: AsyncSession, holder_id: UUID, read: stripe.Subscription, read_at: datetime
) -> None:
    """Store a subscription, unless it was read later before."""
    item = read["items"].data[0]  # `items` is also a method
    price = item.price
    values = {
        "holder_id": holder_id,
        "status": read.status,
        "price": key_of(price),
        "item": item.id,
        "seats": item.quantity or 1,
        "amount": price.unit_amount or 0,
        "currency": price.currency,
        "interval": price.recurring.interval if price.recurring else "month",
        # Since 2025, the period is that of the item.
        "period_start": at(item.current_period_start),
        "period_end": at(item.current_period_end),
        "trial_end": at(read.trial_end),
        "cancel_at_period_end": read.cancel_at_period_end,
        "cancel_at": at(read.cancel_at),
        "ended_at": at(read.ended_at),
        "created_at": at(read.created),
        "read_at": read_at,
    }
    await _lock(session, holder_id)
    before: Any = select(subscriptions).where(subscriptions.c.stripe_id == read.id)
    known = (await session.exec(before.with_for_update())).mappings().one_or_none()
    unpaid_since = None
    if read.status == RETRIED:
        unpaid_since = (known and known["unpaid_since"]) or read_at
    values["unpaid_since"] = unpaid_since
    stored: Any = (
        insert(subscriptions)
        .values(id=uuid7(), stripe_id=read.id, **values)
        .on_conflict_do_update(
            index_elements=["stripe_id"], set_=values, where=subscriptions.c.read_at < read_at
        )
        .returning(subscriptions.c.status, subscriptions.c.price)
    )
    row = (await session.exec(stored)).one_or_none()
    if row and (known is None or (known["status"], known["price"]) != tuple(row)):
        before_status = known["status"] if known else None
        facts = {"holder_id": holder_id, "status": row.status, "before": before_status}
        await emit(session, "billing.subscription_changed", **facts, price=row.price)


async def write_invoice(
    session: AsyncSession, holder_id: UUID, read: ReadInvoice, read_at: datetime
) -> None:
    """Store an invoice, unless it was read later before; and its lines as soon as it is paid."""
    found = read.invoice
    values = {
        "holder_id": holder_id,
        "subscription": subscription_of(found),
        "number": found.number,
        "status": found.status or "draft",
        "currency": found.currency,
        "total": found.total,
        "paid": found.amount_paid,
        "attempts": found.attempt_count,
        "next_attempt_at": at(found.next_payment_attempt),
        "page_url": found.hosted_invoice_url,
        "pdf_url": found.invoice_pdf,
        "created_at": at(found.created),
        "read_at": read_at,
    }
    await _lock(session, holder_id)
    before: Any = select(invoices.c.attempts).where(invoices.c.stripe_id == found.id)
    attempts = (await session.exec(before.with_for_update())).scalar_one_or_none() or 0
    stored: Any = (
        insert(invoices)
        .values(id=uuid7(), stripe_id=found.id, returned=0, fraud_warning=False, **values)
        .on_conflict_do_update(
            index_elements=["stripe_id"], set_=values, where=invoices.c.read_at < read_at
        )
        .returning(invoices.c.id)
    )
    invoice_id = (await session.exec(stored)).scalar_one_or_none()
    if read.payment_intent:
        # Only some readings know the payment, and it does not change: an earlier one may tell it.
        known: Any = update(invoices).where(invoices.c.stripe_id == found.id)
        await session.exec(known.values(payment_intent=read.payment_intent))
    if invoice_id is None:
        return
    if found.status == PAID:
        await _settle(session, holder_id, invoice_id, read)
    elif found.status == "open" and found.attempt_count > attempts:
        facts = {"holder_id": holder_id, "invoice_id": invoice_id}
        await emit(session, "billing.payment_failed", **facts, attempts=found.attempt_count)


async def _settle(
    session: AsyncSession, holder_id: UUID, invoice_id: UUID, read: ReadInvoice
) -> None:
    """Store the lines of a paid invoice and report it, once."""
    statement: Any = (
        update(invoices)
        .where(invoices.c.id == invoice_id, invoices.c.settled_at.is_(None))
        .values(settled_at=func.clock_timestamp())
        .returning(invoices.c.id)
    )
    if (await session.exec(statement)).one_or_none() is None:
        return
    for each in read.lines:
        line = each.line
        row = {
            "id": uuid7(),
            "stripe_id": line.id,
            "invoice_id": invoice_id,
            "price": each.price.key,
            "quantity": line.quantity if line.quantity is not None else 1,
            "amount": line.amount,
            "unit_amount": each.price.unit_amount,
            "proration": _is_proration(line),
            "period_start": at(line.period.start),
            "period_end": at(line.period.end),
        }
        await session.exec(insert(lines).values(row).on_conflict_do_nothing())
    await emit(session, "billing.invoice_paid", holder_id=holder_id, invoice_id=invoice_id)


def _is_proration(line: stripe.InvoiceLineItem) -> bool:
    parent = line.parent
    details: Any = parent and (parent.subscription_item_details or parent.invoice_item_details)
    return bool(details and details.proration)


async def write_returned(
    session: AsyncSession, charge: stripe.Charge, returned: int, read_at: datetime
) -> None:
    """Store how much went back of what was paid for the invoice of a charge."""
    row = await _invoice_of(session, charge)
    if row is None or (row["returned_at"] and row["returned_at"] >= read_at):
        return
    statement = update(invoices).where(invoices.c.id == row["id"])
    await session.exec(statement.values(returned=returned, returned_at=read_at))
    if row["returned"] != returned:
        facts = {"holder_id": row["holder_id"], "invoice_id": row["id"]}
        await emit(session, "billing.invoice_returned", **facts, returned=returned)


async def warn_of_fraud(session: AsyncSession, charge: stripe.Charge) -> None:
    """Mark the invoice of a payment which the bank of the payer calls fraud."""
    row = await _invoice_of(session, charge)
    if row is None or row["fraud_warning"]:
        return
    statement = update(invoices).where(invoices.c.id == row["id"])
    await session.exec(statement.values(fraud_warning=True))
    log.warning("billing_fraud_warning", invoice=row["stripe_id"], holder=str(row["holder_id"]))
    facts = {"holder_id": row["holder_id"], "invoice_id": row["id"]}
    await emit(session, "billing.fraud_warning", **facts)


async def _invoice_of(session: AsyncSession, charge: stripe.Charge) -> Any:
    payment = id_of(charge.payment_intent)
    if payment is None:  # several invoices have none either
        return None
    statement: Any = select(invoices).where(invoices.c.payment_intent == payment)
    return (await session.exec(statement.with_for_update())).mappings().one_or_none()
