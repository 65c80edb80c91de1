"""Brings products and prices at Stripe in line with the catalogue, and never deletes any."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import stripe

from app.core.settings import load_settings
from app.extensions.billing.errors import UnknownPriceError
from app.extensions.billing.service import prices
from app.extensions.billing.service.catalogue import Catalogue, Pack, Plan, Price, catalogue
from app.extensions.billing.service.client import id_of, is_missing
from app.extensions.billing.settings import BillingSettings


@dataclass(frozen=True)
class Change:
    """One difference between the catalogue and Stripe."""

    what: str  # create product, update product, create price, replace price
    key: str
    details: str
    values: Any  # for Stripe


def product_id(entry: Plan | Pack) -> str:
    """Return the id of a product at Stripe: we choose it, so that it is created once."""
    return f"{'plan' if isinstance(entry, Plan) else 'pack'}_{entry.key}"


async def differences(client: stripe.StripeClient, wanted: Catalogue) -> list[Change]:
    """Compare the catalogue with Stripe, and change nothing."""
    entries: list[Plan | Pack] = [plan for plan in wanted.plans if plan.prices]
    entries += wanted.packs
    keys: dict[str, tuple[Plan | Pack, Price | Pack]] = {}
    for entry in entries:
        for price in entry.prices if isinstance(entry, Plan) else (entry,):
            keys[price.key] = (entry, price)
    there = await prices.find(client, *keys)
    found: list[Change] = []
    for entry in entries:
        found += _of_product(entry, await _product(client, product_id(entry)))
    for key, (entry, price) in keys.items():
        found += _of_price(entry, price, there.get(key))
    return found


async def apply(client: stripe.StripeClient, change: Change) -> None:
    """Make one change at Stripe. A repeated run finds what the first one has made."""
    match change.what:
        case "create product":
            await client.v1.products.create_async(change.values)
        case "update product":
            await client.v1.products.update_async(change.key, change.values)
        case _:
            await client.v1.prices.create_async(change.values)


async def price_id(client: stripe.StripeClient, lookup_key: str) -> str:
    """Return the id of the price that new customers pay.

    A local Stripe starts empty, so it gets the catalogue at the first use.

    Raises:
        UnknownPriceError: Stripe does not know it, because `app billing sync` has not run.
    """
    found = await prices.find(client, lookup_key)
    if not found and load_settings(BillingSettings).local:
        for change in await differences(client, catalogue()):
            await apply(client, change)
        found = await prices.find(client, lookup_key)
    if not found:
        raise UnknownPriceError(f"The price {lookup_key} cannot be bought yet.")
    return found[lookup_key].id


async def _product(client: stripe.StripeClient, product: str) -> stripe.Product | None:
    try:
        found = await client.v1.products.retrieve_async(product)
    except stripe.InvalidRequestError as error:
        if is_missing(error):
            return None
        raise
    # Of what was deleted, Stripe may answer only the id and that it was.
    return None if getattr(found, "deleted", False) else found


def _of_product(entry: Plan | Pack, there: stripe.Product | None) -> Iterator[Change]:
    values: dict[str, Any] = {"name": entry.name}
    if entry.description or (there and there.description):
        values["description"] = entry.description
    if there is None:
        name = product_id(entry)
        yield Change("create product", name, entry.name, {"id": name, **values})
        return
    now = {"name": there.name, "description": there.description or "", "active": there.active}
    changed = {
        name: value for name, value in {**values, "active": True}.items() if now[name] != value
    }
    if changed:
        details = ", ".join(
            f"{name}: {now[name]!r} -> {value!r}" for name, value in changed.items()
        )
        yield Change("update product", there.id, details, changed)


def _of_price(entry: Plan | Pack, price: Price | Pack, there: Any) -> Iterator[Change]:
    wanted = _terms(price.amount, price.currency, getattr(price, "interval", None))
    values: dict[str, Any] = {
        "product": product_id(entry),
        "unit_amount": price.amount,
        "currency": price.currency,
        "lookup_key": price.key,
        "metadata": {prices.KEY: price.key},
        # Takes the lookup key from the price that has it; nobody is without a price in between.
        "transfer_lookup_key": True,
    }
    if isinstance(price, Price):
        values["recurring"] = {"interval": price.interval}
    if there is None:
        yield Change("create price", price.key, wanted, values)
        return
    interval = there.recurring.interval if there.recurring else None
    now = _terms(there.unit_amount, there.currency, interval)
    if now != wanted or id_of(there.product) != product_id(entry):
        yield Change("replace price", price.key, f"{now} -> {wanted}", values)


def _terms(amount: int | None, currency: str, interval: str | None) -> str:
    each = f" each {interval}" if interval else " once"
    return f"{amount} {currency}{each}"
