"""Changes of a running subscription: another price or number of seats, cancellation.

Each change is made at Stripe, whose answer is stored at once; the webhook later finds it done.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import stripe
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.errors import InvalidError
from app.extensions.billing.errors import NotSubscribedError
from app.extensions.billing.schemas import ChangePreview, PreviewLine
from app.extensions.billing.service import books
from app.extensions.billing.service.catalogue_sync import price_id
from app.extensions.billing.service.checkout import plan_of
from app.extensions.billing.service.client import stripe_client
from app.extensions.billing.service.plans import CURRENT, RUNNING
from app.extensions.billing.service.seats import check_seats

# What is due for the rest of the period is paid at once, and so are returned amounts credited.
PRORATION = "always_invoice"
TRIAL = "trialing"


async def preview(
    session: AsyncSession, holder_id: UUID, price: str | None, seats: int | None
) -> ChangePreview:
    """Return what a change would cost now, and change nothing. During a trial, it costs nothing.

    Raises:
        NotSubscribedError: there is no subscription.
        UnknownPriceError: there is no such price.
        InvalidError: `too_many_seats`, `other_currency`.
        SeatsInUseError: more people use the plan.
    """
    row = await _current(session, holder_id)
    nothing = ChangePreview(amount_due=0, total=0, currency=row["currency"], lines=[])
    if _is_same(row, price, seats):
        return nothing
    await _check(session, row, price, seats)
    if row["status"] == TRIAL:  # the preview of Stripe is the invoice after the trial
        return nothing
    async with stripe_client() as client:
        item = await _item(client, row, price, seats)
        details = {"items": [item], "proration_behavior": PRORATION}
        values: Any = {"subscription": row["stripe_id"], "subscription_details": details}
        async with _running(session, client, row):
            invoice = await client.v1.invoices.create_preview_async(values)
    return ChangePreview(
        amount_due=invoice.amount_due,
        total=invoice.total,
        currency=invoice.currency,
        lines=[
            PreviewLine(description=line.description or "", amount=line.amount)
            for line in invoice.lines.data
        ],
    )


async def change(
    session: AsyncSession, holder_id: UUID, price: str | None, seats: int | None
) -> None:
    """Change to another price or number of seats, and pay the difference. Commits.

    Raises:
        NotSubscribedError: there is no subscription.
        UnknownPriceError: there is no such price.
        InvalidError: `too_many_seats`, `other_currency`.
        SeatsInUseError: more people use the plan.
        StripeRefusedError: the payment was refused, and nothing has changed.
    """
    row = await _current(session, holder_id)
    if _is_same(row, price, seats):
        return
    await _check(session, row, price, seats)
    async with stripe_client() as client:
        values = {
            "items": [await _item(client, row, price, seats)],
            "proration_behavior": PRORATION,
            "payment_behavior": "error_if_incomplete",
        }
        await _update(session, client, row, values)


async def cancel(session: AsyncSession, holder_id: UUID, *, cancelled: bool) -> None:
    """Let a subscription end with its period, or undo that. Commits.

    Raises:
        NotSubscribedError: there is no subscription.
    """
    row = await _current(session, holder_id)
    async with stripe_client() as client:
        await _update(session, client, row, {"cancel_at_period_end": cancelled})


async def refresh(session: AsyncSession, holder_id: UUID, customer: str) -> None:
    """Read all subscriptions of a customer, such as one whose webhook has not come. Commits."""
    read_at = await books.now(session)
    async with stripe_client() as client:
        asked: Any = {"customer": customer, "status": "all", "limit": 100}
        found = await client.v1.subscriptions.list_async(asked)
    for each in found.data:
        await books.write_subscription(session, holder_id, each, read_at)
    await session.commit()


async def _current(session: AsyncSession, holder_id: UUID) -> Any:
    statement: Any = CURRENT
    found = await session.exec(statement, params={"holder_id": holder_id})
    row = found.mappings().first()
    await session.rollback()
    if row is None:
        raise NotSubscribedError
    return row


def _is_same(row: Any, price: str | None, seats: int | None) -> bool:
    return (price or row["price"], seats or row["seats"]) == (row["price"], row["seats"])


async def _check(session: AsyncSession, row: Any, price: str | None, seats: int | None) -> None:
    """Compare a change with the catalogue, and with the people who use the plan."""
    key, count = price or row["price"] or "", seats or row["seats"]
    plan = plan_of(key, count)
    currencies = {each.currency for each in plan.prices if each.key == key}
    if key != row["price"] and currencies != {row["currency"]}:
        raise InvalidError(
            f"The subscription is paid in {row['currency'].upper()}: choose a price in it.",
            code="other_currency",
        )
    await check_seats(session, row["holder_id"], plan, count)
    await session.rollback()  # no connection is held during the requests


async def _item(
    client: stripe.StripeClient, row: Any, price: str | None, seats: int | None
) -> dict[str, Any]:
    key, count = price or row["price"], seats or row["seats"]
    item: dict[str, Any] = {"id": row["item"], "quantity": count}
    if key != row["price"]:  # who keeps the price keeps its old amount
        item["price"] = await price_id(client, key)
    return item


async def _update(
    session: AsyncSession, client: stripe.StripeClient, row: Any, values: Any
) -> None:
    read_at = await books.now(session)
    async with _running(session, client, row):
        updated = await client.v1.subscriptions.update_async(row["stripe_id"], values)
    await books.write_subscription(session, row["holder_id"], updated, read_at)
    await session.commit()


@asynccontextmanager
async def _running(
    session: AsyncSession, client: stripe.StripeClient, row: Any
) -> AsyncIterator[None]:
    """Store the end of a subscription that Stripe refuses to change because it has just ended.

    Raises:
        NotSubscribedError: it has ended.
    """
    try:
        yield
    except stripe.InvalidRequestError:
        read_at = await books.now(session)
        there = await client.v1.subscriptions.retrieve_async(row["stripe_id"])
        if there.status in RUNNING:
            raise
        await books.write_subscription(session, row["holder_id"], there, read_at)
        await session.commit()
        raise NotSubscribedError from None
