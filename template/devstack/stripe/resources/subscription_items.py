"""Items of subscriptions, one by one."""

from typing import Any

from devstack.stripe.account import Account
from devstack.stripe.billing import changes
from devstack.stripe.calls import Call, Route
from devstack.stripe.errors import missing
from devstack.stripe.params import Params
from devstack.stripe.rendering import Shown, render
from devstack.stripe.resources.subscriptions import read_change
from devstack.stripe.store import Json

OF_ITEM = ("price", "price_data", "quantity", "metadata", "tax_rates", "clear_usage")
OF_CHANGE = ("proration_behavior", "proration_date", "payment_behavior", "off_session")


def _find(account: Account, identity: str) -> Json:
    """Return the subscription that has an item."""
    for each in account.where("subscription"):
        if any(item["id"] == identity for item in each["items"]):
            return each
    raise missing("subscription_item", identity)


def _change(call: Call, subscription: Json, item: dict[str, Any]) -> Json:
    """Change one item of a subscription, as an update of the subscription would."""
    given = {key: call.params.raw(key) for key in OF_CHANGE if call.params.has(key)}
    values = Params({**given, "items": [item]})
    change = read_change(call, subscription, values)
    values.finish()
    return changes.apply(call.account, subscription, change)


def _shown(call: Call, subscription: Json, identity: str) -> Json:
    items = render(call.account.store, subscription)["items"]["data"]
    return Shown(next(each for each in items if each["id"] == identity))


def _of_item(call: Call) -> dict[str, Any]:
    return {key: call.params.raw(key) for key in OF_ITEM if call.params.has(key)}


def create(call: Call) -> Json:
    """Add an item to a subscription."""
    identity = call.params.required("subscription")
    subscription = call.account.find("subscription", identity, "subscription")
    _change(call, subscription, _of_item(call))
    return _shown(call, subscription, subscription["items"][-1]["id"])


def retrieve(call: Call) -> Json:
    """Return an item."""
    return _shown(call, _find(call.account, call.id), call.id)


def update(call: Call) -> Json:
    """Change price or quantity of an item."""
    subscription = _find(call.account, call.id)
    _change(call, subscription, {**_of_item(call), "id": call.id})
    return _shown(call, subscription, call.id)


def delete(call: Call) -> Json:
    """Remove an item, which must not be the last one."""
    _change(call, _find(call.account, call.id), {"id": call.id, "deleted": "true"})
    return {"id": call.id, "object": "subscription_item", "deleted": True}


def list_all(call: Call) -> Json:
    """List the items of a subscription."""
    identity = call.params.required("subscription")
    subscription = call.account.find("subscription", identity, "subscription")
    items = render(call.account.store, subscription)["items"]["data"]
    return call.page([Shown(each) for each in reversed(items)], "/v1/subscription_items")


ROUTES = [
    Route("POST", "/v1/subscription_items", create),
    Route("GET", "/v1/subscription_items", list_all),
    Route("GET", "/v1/subscription_items/{}", retrieve),
    Route("POST", "/v1/subscription_items/{}", update),
    Route("DELETE", "/v1/subscription_items/{}", delete),
]
