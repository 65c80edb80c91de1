"""Prices at Stripe, and their keys in the catalogue.

The key also stands in the metadata of a price: a lookup key moves to a newer price, and those who
have subscribed before still have the plan.
"""

from typing import Any

import stripe
from cachetools import LRUCache

from app.extensions.billing.service.client import id_of

KEY = "key"  # of the metadata
MOST = 10  # lookup keys in one request

_keys: LRUCache[str, str | None] = LRUCache(1000)  # neither changes for a price


def key_of(price: Any) -> str | None:
    """Return the key of a price; None if another application has created it."""
    return (price.metadata or {}).get(KEY) or price.lookup_key


async def key_of_id(client: stripe.StripeClient, reference: Any) -> str | None:
    """Return the key of a price, given by its id, as an invoice does."""
    price_id = id_of(reference)
    if price_id is None:
        return None
    if price_id not in _keys:
        _keys[price_id] = key_of(await client.v1.prices.retrieve_async(price_id))
    return _keys[price_id]


async def find(client: stripe.StripeClient, *lookup_keys: str) -> dict[str, stripe.Price]:
    """Return the active prices of these lookup keys."""
    found: dict[str, stripe.Price] = {}
    for start in range(0, len(lookup_keys), MOST):
        asked: Any = {"lookup_keys": [*lookup_keys[start : start + MOST]], "limit": 100}
        page = await client.v1.prices.list_async({**asked, "active": True})
        found |= {price.lookup_key: price for price in page.data if price.lookup_key}
    return found
