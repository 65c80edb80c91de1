"""What has become of a checkout, for the page to which it leads back: the webhook may be late."""

import re
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import stripe
from sqlalchemy import select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.errors import NotFoundError
from app.extensions.billing.models import customers
from app.extensions.billing.service import books
from app.extensions.billing.service.client import id_of, is_missing, stripe_client
from app.extensions.billing.service.plans import RUNNING
from app.extensions.billing.service.processing import write
from app.extensions.billing.service.reading import read

COMPLETED = "checkout.session.completed"
PAID = "paid"
SESSION = re.compile(r"cs_\w+", re.ASCII)


@dataclass(frozen=True)
class Outcome:
    """What has become of a checkout."""

    done: bool  # what was bought is in the books
    page: str | None  # where it goes on, if it was not completed


async def outcome(session: AsyncSession, holder_id: UUID, session_id: str) -> Outcome:
    """Read a checkout anew, and write what it has brought, as its webhook does. Commits.

    Raises:
        NotFoundError: `checkout_not_found`, the holder has no such checkout.
    """
    known: Any = select(customers.c.stripe_id).where(customers.c.holder_id == holder_id)
    customer = (await session.exec(known)).scalar_one_or_none()
    read_at = await books.now(session)
    async with stripe_client() as client:
        there = await _retrieve(client, session_id)
        if there is None or customer is None or id_of(there.customer) != customer:
            raise NotFoundError("There is no such checkout.", code="checkout_not_found")
        if there.status != "complete":
            return Outcome(done=False, page=there.url)
        found = await read(client, COMPLETED, session_id)
    if found is None:
        return Outcome(done=False, page=None)
    await write(session, holder_id, found, read_at)
    await session.commit()
    if there.mode == "subscription":
        done = found.subscription is not None and found.subscription.status in RUNNING
    else:
        done = found.invoice is not None and found.invoice.invoice.status == PAID
    return Outcome(done=done, page=None)


async def _retrieve(client: stripe.StripeClient, session_id: str) -> stripe.checkout.Session | None:
    if not SESSION.fullmatch(session_id):  # it would be the path of another object
        return None
    try:
        return await client.v1.checkout.sessions.retrieve_async(session_id)
    except stripe.InvalidRequestError as error:
        if is_missing(error):
            return None
        raise
