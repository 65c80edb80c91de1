"""Pages of Stripe: checkout of a subscription or of packs, and the portal."""

from typing import Any
from urllib.parse import urlencode, urlsplit, urlunsplit
from uuid import UUID

import stripe
from sqlalchemy import func, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.errors import InvalidError
from app.core.settings import load_settings
from app.extensions.billing.errors import (
    AlreadySubscribedError,
    NotSubscribedError,
    UnknownPriceError,
)
from app.extensions.billing.models import customers, subscriptions
from app.extensions.billing.service.catalogue import Plan, catalogue
from app.extensions.billing.service.catalogue_sync import price_id
from app.extensions.billing.service.client import stripe_client
from app.extensions.billing.service.customers import HOLDER, ensure
from app.extensions.billing.service.plans import RUNNING
from app.extensions.billing.service.seats import check_seats
from app.extensions.billing.settings import BillingSettings


async def subscribe(
    session: AsyncSession,
    holder_id: UUID,
    price: str,
    seats: int,
    code: str | None,
    back: str | None = None,
) -> str:
    """Start a checkout of a subscription, and return the address of its page.

    Stripe leads back to the page `back`, by default to BILLING_RETURN_URL. Other checkouts of the
    holder that are still open end, so that only one can be completed: of several that begin at the
    same moment, the newest.

    Raises:
        UnknownPriceError: there is no such price.
        InvalidError: `too_many_seats`, `unknown_code`.
        SeatsInUseError: more people would use the plan.
        AlreadySubscribedError: the holder has a subscription.
    """
    plan = plan_of(price, seats)
    await check_seats(session, holder_id, plan, seats)
    counted: Any = select(
        func.count(), func.count().filter(subscriptions.c.status.in_(RUNNING))
    ).where(subscriptions.c.holder_id == holder_id)
    before, running = (await session.exec(counted)).one()
    await session.rollback()  # no connection is held during the requests
    if running:
        raise AlreadySubscribedError
    data: dict[str, Any] = {"metadata": {HOLDER: str(holder_id)}}
    if plan.trial_days and not before:  # one trial for each holder
        data["trial_period_days"] = plan.trial_days
    async with stripe_client() as client:
        customer = await ensure(session, client, holder_id)
        # The webhook of a checkout that was just paid may not have come.
        if await _is_subscribed(client, customer):
            raise AlreadySubscribedError
        line = {"price": await price_id(client, price), "quantity": seats}
        values: Any = {
            **_common(holder_id, customer, back),
            **await _discount(client, code),
            "mode": "subscription",
            "line_items": [line],
            "subscription_data": data,
        }
        created = await client.v1.checkout.sessions.create_async(values)
        # Only now: another request may have created one since we looked, and it may be paid. Every
        # request does this before it returns its page, so the last one sees all others.
        await expire_checkouts(client, customer, keep=1)
        if await _is_subscribed(client, customer):
            await end_checkout(client, created.id)
            raise AlreadySubscribedError
        return _page_of(created)


async def buy(
    session: AsyncSession, holder_id: UUID, pack: str, quantity: int, back: str | None = None
) -> str:
    """Start a checkout of packs, and return the address of its page; for `back`, see `subscribe`.

    Raises:
        UnknownPriceError: there is no such pack.
    """
    if catalogue().pack(pack) is None:
        raise UnknownPriceError(f"There is no pack {pack}.")
    async with stripe_client() as client:
        customer = await ensure(session, client, holder_id)
        line = {"price": await price_id(client, pack), "quantity": quantity}
        values: Any = {
            **_common(holder_id, customer, back),
            "allow_promotion_codes": True,
            "mode": "payment",
            "line_items": [line],
            # So a pack is an invoice like all other payments, with lines that count once.
            "invoice_creation": {"enabled": True},
        }
        return _page_of(await client.v1.checkout.sessions.create_async(values))


async def portal(session: AsyncSession, holder_id: UUID, back: str | None = None) -> str:
    """Open the portal, where invoices and means of payment are, and return its address.

    It leads back to the page `back`, by default to BILLING_RETURN_URL.

    Raises:
        NotSubscribedError: the holder has never been at a checkout.
    """
    statement: Any = select(customers.c.stripe_id).where(
        customers.c.holder_id == holder_id, customers.c.deleted_at.is_(None)
    )
    customer = (await session.exec(statement)).scalar_one_or_none()
    await session.rollback()
    if customer is None:
        raise NotSubscribedError
    async with stripe_client() as client:
        values: Any = {
            "customer": customer,
            "return_url": back or load_settings(BillingSettings).return_url,
        }
        return (await client.v1.billing_portal.sessions.create_async(values)).url


async def expire_checkouts(client: stripe.StripeClient, customer: str, *, keep: int = 0) -> None:
    """End the open checkouts of a customer that would make a subscription.

    Args:
        client: for the requests.
        customer: its id at Stripe.
        keep: how many stay open, the newest.
    """
    asked: Any = {"customer": customer, "status": "open", "limit": 100}
    page = await client.v1.checkout.sessions.list_async(asked)  # the newest first
    ids = [each.id async for each in page.auto_paging_iter() if each.mode == "subscription"]
    for each in ids[keep:]:
        await end_checkout(client, each)


async def end_checkout(client: stripe.StripeClient, session_id: str) -> None:
    """End a checkout, unless it has ended: another request may do the same, or it was just paid."""
    try:
        await client.v1.checkout.sessions.expire_async(session_id)
    except stripe.InvalidRequestError:
        # The refusal has no code of its own.
        if (await client.v1.checkout.sessions.retrieve_async(session_id)).status == "open":
            raise


def plan_of(price: str, seats: int) -> Plan:
    """Return the plan of a price.

    Raises:
        UnknownPriceError: there is none.
        InvalidError: `too_many_seats`.
    """
    known = catalogue().priced(price)
    if known is None:
        raise UnknownPriceError(f"There is no price {price}.")
    if seats > known[0].max_seats:
        raise InvalidError(
            f"The plan {known[0].key} has {known[0].max_seats} seats at most.",
            code="too_many_seats",
        )
    return known[0]


def return_url(result: str, back: str | None = None) -> str:
    """Return the page after a checkout; it learns the result, and the id of the checkout."""
    page: str = back or load_settings(BillingSettings).return_url
    url = urlsplit(page)
    # Stripe replaces the name in braces, which must not be encoded.
    added = urlencode({"checkout": result}) + "&session_id={CHECKOUT_SESSION_ID}"
    query = f"{url.query}&{added}" if url.query else added
    return urlunsplit((url.scheme, url.netloc, url.path, query, url.fragment))


def _common(holder_id: UUID, customer: str, back: str | None) -> dict[str, Any]:
    values: dict[str, Any] = {
        "customer": customer,
        "client_reference_id": str(holder_id),
        "success_url": return_url("success", back),
        "cancel_url": return_url("cancelled", back),
    }
    if load_settings(BillingSettings).automatic_tax:
        values |= {
            "automatic_tax": {"enabled": True},
            "tax_id_collection": {"enabled": True},
            # What is entered at the checkout is where taxes are due.
            "customer_update": {"address": "auto", "name": "auto"},
        }
    return values


async def _discount(client: stripe.StripeClient, code: str | None) -> dict[str, Any]:
    """Apply a promotion code; without one, the page asks for it. Stripe refuses both at once."""
    if code is None:
        return {"allow_promotion_codes": True}
    asked: Any = {"code": code, "active": True, "limit": 1}
    found = (await client.v1.promotion_codes.list_async(asked)).data
    if not found:
        raise InvalidError(f"The code {code} is not valid.", code="unknown_code")
    return {"discounts": [{"promotion_code": found[0].id}]}


async def _is_subscribed(client: stripe.StripeClient, customer: str) -> bool:
    asked: Any = {"customer": customer, "limit": 100}
    there = (await client.v1.subscriptions.list_async(asked)).data
    return any(each.status in RUNNING for each in there)


def _page_of(created: stripe.checkout.Session) -> str:
    assert created.url  # only embedded checkouts have none
    return created.url
