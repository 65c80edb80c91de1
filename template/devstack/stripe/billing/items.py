"""Items of subscriptions: price and quantity, each with its period."""

from dataclasses import dataclass

from devstack.stripe.account import Account
from devstack.stripe.billing.periods import period_end
from devstack.stripe.errors import StripeError, invalid
from devstack.stripe.store import Json


@dataclass(frozen=True)
class Wanted:
    """A price and quantity that a request asks for."""

    price: Json
    quantity: int
    metadata: Json


def new_item(account: Account, subscription: str, wanted: Wanted, created: int) -> Json:
    """Return an item whose period is not set yet."""
    return {
        "id": account.new_id("si", 14),
        "object": "subscription_item",
        "billing_thresholds": None,
        "created": created,
        "current_period_end": created,
        "current_period_start": created,
        "discounts": [],
        "metadata": wanted.metadata,
        "price": wanted.price["id"],
        "quantity": wanted.quantity,
        "subscription": subscription,
        "tax_rates": [],
    }


def check_prices(prices: list[Json]) -> None:
    """Refuse prices that cannot be in one subscription.

    Raises:
        StripeError: a price is archived or not recurring, or they differ in currency or interval.
    """
    for price in prices:
        if price["recurring"] is None:
            raise invalid(
                f"The price specified is set to `type=one_time` but this field only accepts "
                f"prices with `type=recurring`: {price['id']}",
                "items[0][price]",
            )
    if len({price["currency"] for price in prices}) > 1:
        raise invalid("All prices on a subscription must have the same currency.", "items")
    intervals = {
        (each["recurring"]["interval"], each["recurring"]["interval_count"]) for each in prices
    }
    if len(intervals) > 1:
        raise StripeError(
            400,
            "The local Stripe has no subscriptions with prices of several intervals.",
            param="items",
        )


def prices_of(account: Account, items: list[Json]) -> list[Json]:
    """Return the prices of items."""
    return [account.find("price", each["price"]) for each in items]


def total_of(account: Account, items: list[Json]) -> int:
    """Return what a full period of the items costs, without discounts."""
    prices = prices_of(account, items)
    return sum(
        int(price["unit_amount"]) * int(item["quantity"])
        for price, item in zip(prices, items, strict=True)
    )


def set_period(items: list[Json], start: int, end: int) -> None:
    """Give all items the same period."""
    for each in items:
        each["current_period_start"], each["current_period_end"] = start, end


def next_period(account: Account, subscription: Json, start: int) -> None:
    """Begin the period that starts at a time."""
    items = subscription["items"]
    recurring = account.find("price", items[0]["price"])["recurring"]
    set_period(items, start, period_end(start, subscription["billing_cycle_anchor"], recurring))


def end_of_period(subscription: Json) -> int:
    """Return when the current period ends."""
    return int(subscription["items"][0]["current_period_end"])
