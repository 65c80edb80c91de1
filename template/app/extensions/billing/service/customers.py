"""Customers: each holder has one at Stripe, created at the first checkout."""

import hashlib
from typing import Any
from uuid import UUID

import stripe
from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.database.models import utcnow
from app.core.logging import get_logger
from app.extensions.billing.models import customers
from app.extensions.billing.service import holders
from app.extensions.billing.service.client import metadata_of

log = get_logger(__name__)

HOLDER = "holder"  # key of the metadata at Stripe


async def ensure(session: AsyncSession, client: stripe.StripeClient, holder_id: UUID) -> str:
    """Return the id of a holder's customer at Stripe, and create it if there is none. Commits.

    All requests for a holder use the same idempotency key, so any number of them creates one.
    """
    row = await _row(session, holder_id)
    if row and row["deleted_at"] is None and row["closed_at"] is None:
        await session.rollback()  # no connection is held during the requests of the caller
        return str(row["stripe_id"])
    if row and row["deleted_at"] is None:  # the account has come back
        await session.exec(
            update(customers).where(customers.c.holder_id == holder_id).values(closed_at=None)
        )
        await session.commit()
        return str(row["stripe_id"])
    contact = await holders.contact(session, holder_id)
    await session.rollback()
    values: Any = {"metadata": {HOLDER: str(holder_id)}}
    values |= {"email": contact.email} if contact.email else {}
    values |= {"name": contact.name} if contact.name else {}
    before = row["stripe_id"] if row else ""
    # Stripe refuses the same key with other values.
    digest = hashlib.sha256(repr((before, sorted(values.items()))).encode()).hexdigest()[:24]
    created = await client.v1.customers.create_async(
        values, {"idempotency_key": f"customer:{holder_id}:{digest}"}
    )
    found = await _store(session, holder_id, created, replaced=before)
    await session.commit()
    return found


async def holder_of(
    session: AsyncSession, client: stripe.StripeClient, customer_id: str | None
) -> UUID | None:
    """Return the holder of a customer at Stripe; None if it belongs to another application.

    A customer that says in its metadata whose it is, but whose row is missing, gets one: a process
    has died before it could store it, or a backup was restored. This commits.
    """
    if customer_id is None:
        return None
    statement: Any = select(customers.c.holder_id).where(customers.c.stripe_id == customer_id)
    known: UUID | None = (await session.exec(statement)).scalar_one_or_none()
    if known:
        return known
    await session.rollback()
    customer = await client.v1.customers.retrieve_async(customer_id)
    try:
        holder_id = UUID(metadata_of(customer)[HOLDER])
    except (KeyError, ValueError):
        log.info("billing_foreign_customer", customer=customer_id)
        return None
    stored = await _store(session, holder_id, customer, replaced="")
    await session.commit()  # the next customer that is not known ends the transaction
    if stored != customer_id:
        log.error("billing_second_customer", holder=str(holder_id), customer=customer_id)
        return None
    return holder_id


async def _store(
    session: AsyncSession, holder_id: UUID, customer: stripe.Customer, *, replaced: str
) -> str:
    row = {
        "holder_id": holder_id,
        "stripe_id": customer.id,
        "email": customer.email,
        "delinquent": bool(customer.delinquent),
    }
    now = utcnow()
    times = {"created_at": now, "updated_at": now, "read_at": now}
    statement = insert(customers).values(**row, **times)
    statement = statement.on_conflict_do_update(
        index_elements=["holder_id"],
        set_={**row, "deleted_at": None, "closed_at": None, "updated_at": now},
        where=customers.c.stripe_id == replaced,
    )
    await session.exec(statement)
    stored = await _row(session, holder_id)
    assert stored
    return str(stored["stripe_id"])


async def _row(session: AsyncSession, holder_id: UUID) -> Any:
    statement: Any = select(customers).where(customers.c.holder_id == holder_id)
    return (await session.exec(statement)).mappings().one_or_none()
