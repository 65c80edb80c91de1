"""Subscriptions."""

from devstack.stripe.billing import changes, subscriptions
from devstack.stripe.billing.changes import Change
from devstack.stripe.billing.items import Wanted, end_of_period, new_item
from devstack.stripe.billing.methods import method_of
from devstack.stripe.calls import Call, Route, merged
from devstack.stripe.errors import StripeError, invalid
from devstack.stripe.params import Params
from devstack.stripe.resources.discounts import read_discounts
from devstack.stripe.resources.prices import create_price
from devstack.stripe.store import Json

DAY = 86400
FEEDBACK = (
    "customer_service",
    "low_quality",
    "missing_features",
    "other",
    "switched_service",
    "too_complex",
    "too_expensive",
    "unused",
)
PRORATION = ("create_prorations", "always_invoice", "none")
STATUSES = (
    "active",
    "all",
    "canceled",
    "ended",
    "incomplete",
    "incomplete_expired",
    "past_due",
    "paused",
    "trialing",
    "unpaid",
)
ENDED = ("canceled", "incomplete_expired")


def price_of(call: Call, params: Params) -> Json | None:
    """Return the price of an item, which `price_data` creates."""
    data = params.child("price_data")
    if data is not None:
        product = call.account.find("product", data.required("product"), "product")
        return create_price(call.account, data, product)
    identity = params.text("price")
    return call.account.find("price", identity, params.name("price")) if identity else None


def wanted_items(call: Call) -> list[Wanted]:
    """Return the items of a new subscription."""
    found = []
    for each in call.params.children("items"):
        each.ignore("tax_rates")
        price = price_of(call, each)
        if price is None:
            raise StripeError(
                400,
                f"Missing required param: {each.name('price')}.",
                code="parameter_missing",
                param=each.name("price"),
            )
        quantity = each.integer("quantity", 1, least=0) or 0
        found.append(Wanted(price, quantity, merged(None, each.mapping("metadata"))))
    return found


def automatic_tax(params: Params | None) -> Json:
    """Return the settings of the automatic tax."""
    enabled = params is not None and params.flag("enabled")
    if params is not None:
        params.ignore("liability")
    return {
        "disabled_reason": None,
        "enabled": enabled,
        "liability": {"type": "self"} if enabled else None,
    }


def trial_settings(params: Params | None) -> Json | None:
    """Return what happens at the end of a trial without a payment method."""
    behavior = params.child("end_behavior") if params else None
    if behavior is None:
        return None
    choices = ("cancel", "create_invoice", "pause")
    word = behavior.choice("missing_payment_method", choices, "create_invoice")
    return {"end_behavior": {"missing_payment_method": word}}


def _plain_fields(call: Call, before: Json | None = None) -> Json:
    """Return the fields that only need to be stored."""
    account, params = call.account, call.params
    params.ignore("off_session", "billing_mode", "payment_settings", "invoice_settings")
    method = params.text("default_payment_method")
    fields = params.given(
        {
            "collection_method": lambda key: params.choice(
                key, ("charge_automatically", "send_invoice")
            ),
            "days_until_due": params.integer,
            "description": params.text,
            "automatic_tax": lambda key: automatic_tax(params.child(key)),
        }
    )
    if params.has("default_payment_method"):
        found = method_of(account, method, "default_payment_method") if method else None
        fields["default_payment_method"] = found["id"] if found else None
    fields["metadata"] = call.metadata(before["metadata"] if before else None)
    settings = trial_settings(params.child("trial_settings"))
    if settings:
        fields["trial_settings"] = settings
    return fields


def _trial_end(call: Call, now: int) -> int | None:
    value = call.params.text("trial_end")
    days = call.params.integer("trial_period_days", least=0)
    call.params.ignore("trial_from_plan")
    if value == "now":
        return now
    if value is not None:
        return call.params.integer("trial_end")
    return now + days * DAY if days else None


def create(call: Call) -> Json:
    """Create a subscription, and collect its first invoice."""
    account, params = call.account, call.params
    customer = account.find("customer", params.required("customer"), "customer")
    now = account.now(customer["test_clock"])
    trial_end = _trial_end(call, now)
    fields = _plain_fields(call)
    params.ignore("proration_behavior")
    cancel_at = params.integer("cancel_at")
    behavior = params.choice(
        "payment_behavior",
        ("allow_incomplete", "default_incomplete", "error_if_incomplete"),
        "allow_incomplete",
    )
    found = read_discounts(call, params, customer["id"])
    fields["discounts"] = [each["id"] for each in found]
    how = subscriptions.Start(
        trial_end=trial_end if trial_end and trial_end > now else None,
        payment_behavior=behavior or "allow_incomplete",
        changes={**fields, "cancel_at": cancel_at},
    )
    ends = params.flag("cancel_at_period_end")
    subscription = subscriptions.start(account, customer, wanted_items(call), how)
    for each in found:
        account.change(each, {"subscription": subscription["id"]})
    if ends:
        account.change(
            subscription,
            {**subscriptions.end_at_period_end(subscription), "canceled_at": now},
            "customer.subscription.updated",
        )
    return subscription


def retrieve(call: Call) -> Json:
    """Return a subscription."""
    return call.find("subscription")


def update(call: Call) -> Json:
    """Change a subscription."""
    subscription = call.find("subscription")
    return changes.apply(call.account, subscription, read_change(call, subscription))


def read_change(call: Call, subscription: Json, params: Params | None = None) -> Change:
    """Return the change that parameters describe."""
    account, params = call.account, params or call.params
    inner = Call(account, params, call.ids)
    now = account.now(subscription["test_clock"])
    fields = _plain_fields(inner, subscription)
    fields |= _cancellation(params, subscription, now)
    if params.has("discounts"):
        found = read_discounts(inner, params, subscription["customer"], subscription)
        fields["discounts"] = [each["id"] for each in found]
    if params.has("pause_collection"):
        fields["pause_collection"] = _pause(params.child("pause_collection"))
    behavior = params.choice(
        "payment_behavior",
        ("allow_incomplete", "default_incomplete", "error_if_incomplete"),
        "allow_incomplete",
    )
    anchor = params.choice("billing_cycle_anchor", ("now", "unchanged"), "unchanged")
    return Change(
        items=_items_after(inner, subscription),
        proration=params.choice("proration_behavior", PRORATION, PRORATION[0]) or PRORATION[0],
        moment=params.integer("proration_date"),
        trial_end=_trial_end(inner, now),
        new_cycle=anchor == "now",
        must_pay=behavior == "error_if_incomplete",
        fields=fields,
    )


def _pause(params: Params | None) -> Json | None:
    if params is None:
        return None
    choices = ("keep_as_draft", "mark_uncollectible", "void")
    params.required("behavior")
    return {
        "behavior": params.choice("behavior", choices),
        "resumes_at": params.integer("resumes_at"),
    }


def _cancellation(params: Params, subscription: Json, now: int) -> Json:
    fields: Json = {}
    before: Json = subscription["cancellation_details"]
    details = params.child("cancellation_details")
    if details is not None:
        given = details.given(
            {"comment": details.text, "feedback": lambda key: details.choice(key, FEEDBACK)}
        )
        before = fields["cancellation_details"] = {**before, **given}
    if params.has("cancel_at_period_end"):
        ends = params.flag("cancel_at_period_end")
        fields |= {
            "cancel_at_period_end": ends,
            "cancel_at": end_of_period(subscription) if ends else None,
            "canceled_at": now if ends else None,
            "cancellation_details": {
                **before,
                "reason": "cancellation_requested" if ends else None,
            },
        }
    if params.has("cancel_at"):
        moment = params.integer("cancel_at")
        fields |= {
            "cancel_at": moment,
            "cancel_at_period_end": False,
            "canceled_at": now if moment else None,
        }
    return fields


def _items_after(call: Call, subscription: Json) -> list[Json]:
    """Return the items as they are after the change."""
    account = call.account
    items = {each["id"]: dict(each) for each in subscription["items"]}
    for each in call.params.children("items"):
        each.ignore("clear_usage", "tax_rates", "discounts")
        identity = each.text("id")
        if identity is not None and identity not in items:
            raise StripeError(
                400,
                f"No such subscription item: '{identity}'",
                code="resource_missing",
                param=each.name("id"),
            )
        if each.flag("deleted"):
            if identity is None:
                raise invalid("Only an item with an id can be deleted.", each.name("deleted"))
            del items[identity]
            continue
        price = price_of(call, each)
        quantity = each.integer("quantity", least=0)
        given = each.mapping("metadata")
        if identity is None:
            if price is None:
                raise invalid("A new item needs a price.", each.name("price"))
            now = account.now(subscription["test_clock"])
            wanted = Wanted(price, 1 if quantity is None else quantity, merged(None, given))
            item = new_item(account, subscription["id"], wanted, now)
            first = subscription["items"][0]
            for name in ("current_period_start", "current_period_end"):
                item[name] = first[name]
            items[item["id"]] = item
            continue
        item = items[identity]
        if price is not None:
            item["price"] = price["id"]
        if quantity is not None:
            item["quantity"] = quantity
        item["metadata"] = merged(item["metadata"], given)
    return list(items.values())


def cancel(call: Call) -> Json:
    """End a subscription now."""
    params = call.params
    details = params.child("cancellation_details")
    given = (
        details.given(
            {"comment": details.text, "feedback": lambda key: details.choice(key, FEEDBACK)}
        )
        if details
        else None
    )
    return subscriptions.cancel(
        call.account,
        call.find("subscription"),
        prorate=params.flag("prorate"),
        invoice_now=params.flag("invoice_now"),
        details=given,
    )


def resume(call: Call) -> Json:
    """Resume a subscription that its trial has paused."""
    subscription = call.find("subscription")
    call.params.ignore("proration_behavior", "billing_cycle_anchor")
    if subscription["status"] != "paused":
        raise invalid("Only paused subscriptions can be resumed.")
    account = call.account
    account.change(subscription, {"status": "active"})
    change = Change(items=[dict(each) for each in subscription["items"]], new_cycle=True)
    change.proration = "none"
    changes.apply(account, subscription, change)
    account.emit("customer.subscription.resumed", subscription)
    return subscription


def list_all(call: Call) -> Json:
    """List subscriptions; those that have ended only with `status`."""
    params = call.params
    params.ignore("current_period_start", "current_period_end", "automatic_tax")
    wanted = params.given({"customer": params.text, "test_clock": params.text})
    found = call.account.where("subscription", **wanted)
    price = params.text("price")
    if price:
        found = [s for s in found if price in [item["price"] for item in s["items"]]]
    state = params.choice("status", STATUSES)
    if state is None:
        found = [each for each in found if each["status"] not in ENDED]
    elif state == "ended":
        found = [each for each in found if each["status"] in ENDED]
    elif state != "all":
        found = [each for each in found if each["status"] == state]
    return call.page(found, "/v1/subscriptions")


def search(call: Call) -> Json:
    """Find subscriptions by a query, such as `status:'active'`."""
    return call.search("subscription", "/v1/subscriptions/search")


ROUTES = [
    Route("POST", "/v1/subscriptions", create),
    Route("GET", "/v1/subscriptions", list_all),
    Route("GET", "/v1/subscriptions/search", search),
    Route("GET", "/v1/subscriptions/{}", retrieve),
    Route("POST", "/v1/subscriptions/{}", update),
    Route("DELETE", "/v1/subscriptions/{}", cancel),
    Route("POST", "/v1/subscriptions/{}/resume", resume),
]
