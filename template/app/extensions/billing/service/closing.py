"""Ends the subscriptions of holders whose account is gone. Their books are kept."""

from typing import Any
from uuid import UUID

import stripe
from sqlalchemy import select, update
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.database.models import utcnow
from app.core.logging import get_logger
from app.extensions.billing.errors import ObjectMissingError
from app.extensions.billing.models import customers
from app.extensions.billing.service import books, holders
from app.extensions.billing.service.checkout import expire_checkouts
from app.extensions.billing.service.client import is_missing, stripe_client

PAGE = 200  # holders
ENDED = ("canceled", "incomplete_expired")

log = get_logger(__name__)


async def find_gone(
    session: AsyncSession, after: UUID | None = None
) -> tuple[list[UUID], UUID | None]:
    """Look through one page of holders whose subscriptions were not ended.

    Returns:
        those whose account is gone, and after which one the next page starts, if there may be one.
    """
    statement: Any = (
        select(customers.c.holder_id)
        .where(customers.c.closed_at.is_(None))
        .order_by(customers.c.holder_id)
        .limit(PAGE)
    )
    if after:
        statement = statement.where(customers.c.holder_id > after)
    ids = (await session.exec(statement)).scalars().all()
    gone = [each for each in ids if (await holders.contact(session, each)).gone]
    return gone, ids[-1] if len(ids) == PAGE else None


async def close(session: AsyncSession, holder_id: UUID) -> int:
    """End all subscriptions of a holder at once, without a refund. The task commits.

    Raises:
        ObjectMissingError: the key does not see the customer. It may be of another account, where
            nothing was ended, so the holder stays open and the next night tries again.
    """
    statement: Any = select(customers.c.stripe_id).where(customers.c.holder_id == holder_id)
    customer = (await session.exec(statement)).scalar_one_or_none()
    if customer is None:
        return 0
    read_at = await books.now(session)
    async with stripe_client() as client:
        found = [await _ended(client, each) for each in await _subscriptions(client, customer)]
    for each in found:
        await books.write_subscription(session, holder_id, each, read_at)
    done = update(customers).where(customers.c.holder_id == holder_id)
    await session.exec(done.values(closed_at=utcnow()))
    log.info("billing_closed", holder=str(holder_id), subscriptions=len(found))
    return len(found)


async def _subscriptions(client: stripe.StripeClient, customer: str) -> list[stripe.Subscription]:
    """Return the subscriptions of a customer, and end the checkouts that would make another one."""
    asked: Any = {"customer": customer, "status": "all", "limit": 100}
    try:
        known = await client.v1.customers.retrieve_async(customer)
    except stripe.InvalidRequestError as error:
        if is_missing(error):
            raise ObjectMissingError(customer) from error
        raise
    if getattr(known, "deleted", False):  # Stripe has ended all of its subscriptions
        return []
    await expire_checkouts(client, customer)
    return (await client.v1.subscriptions.list_async(asked)).data


async def _ended(client: stripe.StripeClient, known: stripe.Subscription) -> stripe.Subscription:
    if known.status in ENDED:
        return known
    try:
        return await client.v1.subscriptions.cancel_async(known.id)
    except stripe.InvalidRequestError as error:
        if is_missing(error):  # it has ended since it was listed
            return await client.v1.subscriptions.retrieve_async(known.id)
        raise
