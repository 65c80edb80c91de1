"""What a team sells: the types of which `app/plans.py` is made.

Stripe knows a price by its lookup key, which never changes. A price at Stripe is never changed
either: another amount is a new price, to which `app billing sync` moves the lookup key. Those who
subscribed before keep the old amount.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pkgutil import resolve_name
from typing import Literal

from app.core.settings import SettingsError, load_settings
from app.extensions.billing.settings import BillingSettings

Interval = Literal["month", "year"]

KEY = re.compile(r"[a-z][a-z0-9_]{0,79}")
CURRENCY = re.compile(r"[a-z]{3}")
MONTHS: dict[Interval, int] = {"month": 1, "year": 12}


@dataclass(frozen=True)
class Price:
    """A price of a plan, for one seat and interval."""

    key: str  # the lookup key at Stripe
    amount: int  # in the smallest unit of the currency, such as cents
    interval: Interval = "month"
    currency: str = "eur"


@dataclass(frozen=True)
class Plan:
    """A plan. One without prices is what everybody has who has not subscribed."""

    key: str
    name: str
    prices: tuple[Price, ...] = ()
    description: str = ""
    features: frozenset[str] = frozenset()  # for `require_feature`
    trial_days: int = 0
    # Above 1, the quantity of a subscription is its number of seats. Of the free plan: how many
    # people may use it together.
    max_seats: int = 1
    # What other features give to subscribers, by their names for it.
    includes: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Pack:
    """Something that is paid once."""

    key: str  # the lookup key at Stripe
    name: str
    amount: int
    currency: str = "eur"
    description: str = ""
    includes: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Catalogue:
    """All plans and packs. The first plan is the free one.

    Raises:
        SettingsError: the catalogue contradicts itself; the message names the entry.
    """

    plans: tuple[Plan, ...]
    packs: tuple[Pack, ...] = ()
    _by_price: dict[str, tuple[Plan, Price]] = field(init=False, repr=False, default_factory=dict)

    def __post_init__(self) -> None:
        """Check the entries, and index the prices."""
        if not self.plans or self.plans[0].prices:
            raise SettingsError("app/plans.py: the first plan has no prices, it is the free one")
        used: set[tuple[str, str]] = set()
        for kind, key in self._keys():
            if not KEY.fullmatch(key):
                raise SettingsError(f"app/plans.py: the {kind} {key!r} is not in snake_case")
            if (kind, key) in used:
                raise SettingsError(f"app/plans.py: there are two of the {kind} {key!r}")
            used.add((kind, key))
        for plan in self.plans:
            if plan.max_seats < 1 or plan.trial_days < 0:
                raise SettingsError(f"app/plans.py: seats or trial days of {plan.key!r} are wrong")
            self._by_price.update({price.key: (plan, price) for price in plan.prices})
        prices: list[Price | Pack] = [*self.packs]
        for plan in self.plans:
            prices += plan.prices
        for price in prices:
            if price.amount <= 0 or not CURRENCY.fullmatch(price.currency):
                raise SettingsError(f"app/plans.py: amount or currency of {price.key!r} is wrong")

    def _keys(self) -> Iterator[tuple[str, str]]:
        for plan in self.plans:
            yield "plan", plan.key
            for price in plan.prices:
                yield "price", price.key
        for pack in self.packs:
            yield "price", pack.key

    @property
    def free(self) -> Plan:
        """The plan of those who have not subscribed."""
        return self.plans[0]

    def plan(self, key: str) -> Plan | None:
        """Return a plan by its key."""
        return next((plan for plan in self.plans if plan.key == key), None)

    def priced(self, lookup_key: str | None) -> tuple[Plan, Price] | None:
        """Return the plan and the price of a lookup key."""
        return self._by_price.get(lookup_key or "")

    def pack(self, lookup_key: str | None) -> Pack | None:
        """Return the pack of a lookup key."""
        return next((pack for pack in self.packs if pack.key == lookup_key), None)


@cache
def catalogue() -> Catalogue:
    """Return the catalogue of the team.

    Raises:
        SettingsError: BILLING_PLANS names no module with a `CATALOGUE`, or it contradicts itself.
    """
    name = load_settings(BillingSettings).plans
    try:
        found = resolve_name(f"{name}:CATALOGUE")
    except (ImportError, AttributeError) as error:
        raise SettingsError(f"BILLING_PLANS: {name} cannot be read: {error}") from error
    if not isinstance(found, Catalogue):
        raise SettingsError(f"BILLING_PLANS: CATALOGUE of {name} is no Catalogue")
    return found


def return_page() -> str:
    """Return the address of the page where people subscribe, for links in mails."""
    url: str = load_settings(BillingSettings).return_url
    return url
