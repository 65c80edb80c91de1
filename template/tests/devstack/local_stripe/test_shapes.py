"""Objects have the fields that Stripe's library declares for its newest version, and no others."""

import builtins
import sys
import types
from typing import Any, Union, get_args, get_origin, get_type_hints

import pytest
import stripe

from devstack.stripe import LocalStripe
from devstack.stripe.account import API_VERSION
from devstack.stripe.rendering import render
from tests.devstack.local_stripe.world import World

CLASSES: dict[str, type[stripe.StripeObject]] = {
    "balance_transaction": stripe.BalanceTransaction,
    "billing_portal.configuration": stripe.billing_portal.Configuration,
    "billing_portal.session": stripe.billing_portal.Session,
    "charge": stripe.Charge,
    "checkout.session": stripe.checkout.Session,
    "coupon": stripe.Coupon,
    "customer": stripe.Customer,
    "discount": stripe.Discount,
    "dispute": stripe.Dispute,
    "event": stripe.Event,
    "invoice": stripe.Invoice,
    "invoice_payment": stripe.InvoicePayment,
    "invoiceitem": stripe.InvoiceItem,
    "item": stripe.LineItem,
    "line_item": stripe.InvoiceLineItem,
    "payment_intent": stripe.PaymentIntent,
    "payment_method": stripe.PaymentMethod,
    "price": stripe.Price,
    "product": stripe.Product,
    "promotion_code": stripe.PromotionCode,
    "radar.early_fraud_warning": stripe.radar.EarlyFraudWarning,
    "refund": stripe.Refund,
    "subscription": stripe.Subscription,
    "subscription_item": stripe.SubscriptionItem,
    "tax_id": stripe.TaxId,
    "test_helpers.test_clock": stripe.test_helpers.TestClock,
    "webhook_endpoint": stripe.WebhookEndpoint,
}
# Nobody reads these: they hold what a bank or a method of payment has to say.
SKIPPED = ("enhanced_evidence", "enhanced_eligibility", "payment_method_details", "outcome")


class Names(dict[str, Any]):
    """What annotations of a module name. A name for type checkers alone stands for an object."""

    def __init__(self, module: str) -> None:
        super().__init__()
        self._module = vars(sys.modules[module])

    def __missing__(self, name: str) -> Any:
        if name in self._module:
            return self._module[name]
        return getattr(builtins, name, stripe.StripeObject)


def fields(kind: type) -> dict[str, Any]:
    """Return the fields of a class of Stripe's library, with their types."""
    hints = get_type_hints(kind, localns=Names(kind.__module__))
    internal = ("OBJECT_NAME", "deleted", "api_key", "last_response")
    return {n: t for n, t in hints.items() if not n.startswith("_") and n not in internal}


def alternatives(kind: Any) -> tuple[Any, ...]:
    union = get_origin(kind) in (Union, types.UnionType)
    return get_args(kind) if union else (kind,)


def differences(value: Any, kind: type, path: str) -> list[str]:
    """Return where an object differs from the class of Stripe's library."""
    declared = fields(kind)
    unknown = sorted(set(value) - set(declared) - {"object"})
    found = [f"{path}.{name} is unknown" for name in unknown]
    for name, hint in declared.items():
        options = alternatives(hint)
        if value.get(name) is None:
            if type(None) not in options:
                found.append(f"{path}.{name} is missing")
            continue
        if name not in SKIPPED:
            found += _inner(value[name], options, f"{path}.{name}")
    return found


def _inner(value: Any, options: tuple[Any, ...], path: str) -> list[str]:
    if isinstance(value, dict) and str(value.get("object")) in CLASSES:
        return differences(value, CLASSES[value["object"]], path)
    if isinstance(value, dict) and value.get("object") == "list":
        return [d for n, v in enumerate(value["data"]) for d in _inner(v, (), f"{path}[{n}]")]
    for option in options:
        inner = get_args(option)[0] if get_origin(option) is list else option
        named = isinstance(inner, type) and "." in inner.__qualname__
        if not named or not issubclass(inner, stripe.StripeObject):
            continue
        if isinstance(value, list):
            return [d for n, v in enumerate(value) for d in differences(v, inner, f"{path}[{n}]")]
        if isinstance(value, dict):
            return differences(value, inner, path)
    return []


@pytest.fixture
def full(world: World) -> World:
    """A world with an object of every kind."""
    api = world.api
    world.freeze()
    api.webhook_endpoints.create({"url": "http://127.0.0.1:9/", "enabled_events": ["ping"]})
    coupon = api.coupons.create({"percent_off": 10, "duration": "forever"})
    promotion = {"type": "coupon", "coupon": coupon.id}
    code = api.promotion_codes.create({"promotion": promotion, "code": "TEN"})
    customer = world.customer("createDispute", tax_id_data=[{"type": "eu_vat", "value": "DE123"}])
    address = {"country": "DE", "line1": "Weg 1"}
    api.customers.update(customer.id, {"address": address})
    session = world.checkout(
        "subscription",
        world.price(),
        customer=customer.id,
        discounts=[{"promotion_code": code.id}],
        automatic_tax={"enabled": True},
    )
    world.press(session.url, do="pay", card="visa")
    world.press(world.checkout("payment", world.price(500, None)).url, do="pay", card="visa")
    world.press(
        world.checkout(
            "payment",
            world.price(500, None),
            customer=customer.id,
            invoice_creation={"enabled": True},
        ).url,
        do="pay",
        card="createIssuerFraudWarning",
    )
    subscription = world.subscribe(customer, world.price(2000))
    item = subscription["items"].data[0].id
    api.subscriptions.update(
        subscription.id, {"items": [{"id": item, "quantity": 4}], "cancel_at_period_end": True}
    )
    failing = world.customer("chargeCustomerFail")
    world.subscribe(failing, world.price(2000))
    charge = next(each for each in api.charges.list().data if each.paid and not each.disputed)
    api.refunds.create({"charge": charge.id, "amount": 1})
    price = api.prices.list().data[0]
    offered = [{"product": price.product, "prices": [price.id]}]
    features = {"subscription_update": {"enabled": True, "products": offered}}
    configuration = api.billing_portal.configurations.create({"features": features})
    api.billing_portal.sessions.create({"customer": customer.id, "configuration": configuration.id})
    return world


def test_every_object_has_the_fields_of_its_version(full: World, server: LocalStripe) -> None:
    assert stripe.api_version == API_VERSION
    store = server.account.store
    # Directly, because some kinds have no list of their own.
    shown = [render(store, each) for kind in CLASSES for each in store.all(kind)]
    assert {each["object"] for each in shown} >= set(CLASSES) - {
        "item",
        "line_item",
        "subscription_item",
    }
    found = [
        d for each in shown for d in differences(each, CLASSES[each["object"]], each["object"])
    ]
    assert sorted(set(found)) == []


def test_every_event_shows_an_object_of_its_version(full: World) -> None:
    seen = set()
    for event in full.api.events.list({"limit": 100}).auto_paging_iter():
        item = event.data.object.to_dict()
        seen.add(item["object"])
        assert differences(item, CLASSES[item["object"]], event.type) == []
        assert event.api_version == API_VERSION
    assert {"invoice", "subscription", "charge", "dispute", "checkout.session"} <= seen


def test_a_difference_would_be_found() -> None:
    product = {"id": "prod_1", "colour": "red"}
    found = differences(product, stripe.Product, "product")
    assert "product.colour is unknown" in found
    assert "product.name is missing" in found
