"""Prices at Stripe, and their keys in the catalogue.

The key also stands in the metadata of a price: a lookup key moves to a newer price, and those who
have subscribed before still have the plan.
"""

from typing import Any, NamedTuple

import stripe
from cachetools import LRUCache

from app.extensions.billing.service.client import id_of, metadata_of

KEY = "key"  # of the metadata
LONGEST = 80
MOST = 10  # lookup keys in one request


class Known(NamedTuple):
    """What never changes for a price."""

    key: str | None  # None if another application has created it
    unit_amount: int


_known: LRUCache[str, Known] = LRUCache(1000)


def key_of(price: Any) -> str | None:
    """Return the key of a price; None if another application has created it."""
    key: str | None = metadata_of(price).get(KEY) or price.lookup_key
    # Ours are shorter. A key of somebody else must not stop an event.
    return key[:LONGEST] if key else None


async def read_price(client: stripe.StripeClient, reference: Any) -> Known:
    """Return what is known of a price, given by its id, as an invoice does.

    The amount is that of a whole interval: a line may show the amount of its part of it.
    """
    price_id = id_of(reference)
    if price_id is None:
        return Known(None, 0)
    if price_id not in _known:
        price = await client.v1.prices.retrieve_async(price_id)
        _known[price_id] = Known(key_of(price), price.unit_amount or 0)
    return _known[price_id]


async def find(client: stripe.StripeClient, *lookup_keys: str) -> dict[str, stripe.Price]:
    """Return the active prices of these lookup keys."""
    found: dict[str, stripe.Price] = {}
    for start in range(0, len(lookup_keys), MOST):
        some = [*lookup_keys[start : start + MOST]]
        asked: Any = {"lookup_keys": some, "limit": 100, "active": True}
        page = await client.v1.prices.list_async(asked)
        found |= {price.lookup_key: price for price in page.data if price.lookup_key}
    return found
