"""How objects look from outside: nested objects, expanded references, hidden fields."""

import json
from collections.abc import Callable
from typing import Any

from devstack.stripe.errors import invalid
from devstack.stripe.store import Json, Store

DEEPEST = 4
SHOWN_ITEMS = 10


class Shown(dict[str, Any]):
    """An object as the API shows it, which must not be completed once more."""


def listed(items: list[Json], url: str, *, most: int = SHOWN_ITEMS) -> Json:
    """Return a list object."""
    return {"object": "list", "data": items[:most], "has_more": len(items) > most, "url": url}


def render(store: Store, item: Json) -> Shown:
    """Return an object as the API shows it, with nothing expanded."""
    if isinstance(item, Shown):
        return item
    # JSON copies faster than `copy.deepcopy`.
    shown = Shown(json.loads(json.dumps({k: v for k, v in item.items() if k[:1] != "_"})))
    complete = COMPLETE.get(item["object"])
    if complete is not None and not item.get("deleted"):
        complete(store, item, shown)
    return shown


def expand(store: Store, shown: Json, paths: list[str]) -> Json:
    """Replace references by their objects.

    Raises:
        StripeError: a path names nothing that can be expanded.
    """
    for path in paths:
        parts = path.split(".")
        if len(parts) > DEEPEST:
            raise invalid(f"You cannot expand more than {DEEPEST} levels of a property.", "expand")
        _expand(store, shown, parts, path)
    return shown


def _expand(store: Store, node: Any, parts: list[str], path: str) -> None:
    if isinstance(node, list):
        for each in node:
            _expand(store, each, parts, path)
        return
    if not isinstance(node, dict):
        return
    name, rest = parts[0], parts[1:]
    hidden = HIDDEN.get((str(node.get("object")), name))
    if hidden is not None and name not in node:
        node[name] = hidden(store, node)
    if name not in node:
        raise invalid(f"This property cannot be expanded ({path}).", "expand")
    node[name] = _replaced(store, node[name])
    if rest:
        _expand(store, node[name], rest, path)


def _replaced(store: Store, value: Any) -> Any:
    if isinstance(value, list):
        return [_replaced(store, each) for each in value]
    found = store.get(value) if isinstance(value, str) else None
    return value if found is None else render(store, found)


def _event(_: Store, item: Json, shown: Json) -> None:
    shown["data"] = json.loads(item["_data"])


def _price(store: Store, identity: str) -> Json:
    found = store.get(identity)
    return render(store, found) if found else {}


def _plan(price: Json) -> Json:
    """Return the legacy object that stands beside each price of a subscription."""
    recurring = price.get("recurring") or {}
    return {
        "id": price["id"],
        "object": "plan",
        "active": price["active"],
        "amount": price["unit_amount"],
        "amount_decimal": price["unit_amount_decimal"],
        "billing_scheme": price["billing_scheme"],
        "created": price["created"],
        "currency": price["currency"],
        "interval": recurring.get("interval"),
        "interval_count": recurring.get("interval_count"),
        "livemode": False,
        "metadata": price["metadata"],
        "meter": None,
        "nickname": price["nickname"],
        "product": price["product"],
        "tiers_mode": None,
        "transform_usage": None,
        "trial_period_days": None,
        "usage_type": recurring.get("usage_type"),
    }


def _subscription(store: Store, item: Json, shown: Json) -> None:
    items = shown["items"]
    for each in items:
        each["price"] = _price(store, each["price"])
        each["plan"] = _plan(each["price"])
    shown["items"] = listed(items, f"/v1/subscription_items?subscription={item['id']}", most=20)


def _invoice(_: Store, item: Json, shown: Json) -> None:
    shown["lines"] = listed(shown["lines"], f"/v1/invoices/{item['id']}/lines")


def _tax_ids(store: Store, shown: Json) -> Json:
    url = f"/v1/customers/{shown['id']}/tax_ids"
    return listed(_of(store, "tax_id", "customer", shown), url)


def _subscriptions(store: Store, shown: Json) -> Json:
    found = _of(store, "subscription", "customer", shown)
    open_ones = [each for each in found if each["status"] != "canceled"]
    return listed(open_ones, f"/v1/customers/{shown['id']}/subscriptions")


def _payments(store: Store, shown: Json) -> Json:
    return listed(_of(store, "invoice_payment", "invoice", shown), "/v1/invoice_payments")


def _refunds(store: Store, shown: Json) -> Json:
    url = f"/v1/charges/{shown['id']}/refunds"
    return listed(_of(store, "refund", "charge", shown), url)


def _confirmation_secret(store: Store, shown: Json) -> Json | None:
    for payment in _of(store, "invoice_payment", "invoice", shown):
        intent = store.get(payment["payment"]["payment_intent"])
        if intent is not None:
            return {"client_secret": intent["client_secret"], "type": "payment_intent"}
    return None


def _line_items(store: Store, shown: Json) -> Json:
    found = store.get(shown["id"]) or {"_line_items": []}
    items = [
        {**render(store, each), "price": _price(store, each["price"])}
        for each in found["_line_items"]
    ]
    return listed(items, f"/v1/checkout/sessions/{shown['id']}/line_items")


def _of(store: Store, kind: str, field: str, owner: Json) -> list[Json]:
    """Return the objects of an owner, newest first."""
    found = [each for each in store.all(kind) if each[field] == owner["id"]]
    return [render(store, each) for each in reversed(found)]


# What an object holds of others.
COMPLETE: dict[str, Callable[[Store, Json, Json], None]] = {
    "event": _event,
    "subscription": _subscription,
    "invoice": _invoice,
}
# Fields that are there only if the request expands them.
HIDDEN: dict[tuple[str, str], Callable[[Store, Json], Any]] = {
    ("customer", "subscriptions"): _subscriptions,
    ("customer", "tax_ids"): _tax_ids,
    ("invoice", "payments"): _payments,
    ("invoice", "confirmation_secret"): _confirmation_secret,
    ("charge", "refunds"): _refunds,
    ("checkout.session", "line_items"): _line_items,
}
