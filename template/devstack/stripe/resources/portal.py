"""The billing portal: its configurations, and sessions of customers."""

from devstack.stripe.account import Account
from devstack.stripe.calls import Call, Route
from devstack.stripe.errors import StripeError, invalid
from devstack.stripe.params import Params
from devstack.stripe.store import Json

FLOWS = (
    "payment_method_update",
    "subscription_cancel",
    "subscription_update",
    "subscription_update_confirm",
)


def default_configuration(account: Account) -> Json:
    """Return the configuration for sessions that name none."""
    for each in account.where("billing_portal.configuration", is_default=True):
        return each
    return _add_configuration(account, _features(None), default=True)


def _features(params: Params | None) -> Json:
    """Return the features; what a request leaves out is as on a new dashboard."""
    given = params or Params({})
    for name in ("customer_update", "invoice_history", "payment_method_update"):
        child = given.child(name)
        if child is not None:
            child.ignore("enabled", "allowed_updates", "payment_method_configuration")
    cancel = given.child("subscription_cancel") or Params({})
    update = given.child("subscription_update") or Params({})
    cancel.ignore("cancellation_reason", "proration_behavior")
    update.ignore("schedule_at_period_end", "trial_update_behavior", "billing_cycle_anchor")
    products = [
        {
            "adjustable_quantity": {"enabled": True, "maximum": None, "minimum": 1},
            "prices": each.texts("prices"),
            "product": each.required("product"),
        }
        for each in update.children("products")
    ]
    behavior = update.choice(
        "proration_behavior", ("create_prorations", "always_invoice", "none"), "create_prorations"
    )
    modes = ("at_period_end", "immediately")
    return {
        "customer_update": {"allowed_updates": ["email", "tax_id"], "enabled": True},
        "invoice_history": {"enabled": True},
        "payment_method_update": {"enabled": True, "payment_method_configuration": None},
        "subscription_cancel": {
            "cancellation_reason": {"enabled": False, "options": []},
            "enabled": cancel.flag("enabled", default=True),
            "mode": cancel.choice("mode", modes, "at_period_end"),
            "proration_behavior": "none",
        },
        "subscription_pause": {
            "duration": {"interval_options": [], "type": "indefinite"},
            "enabled": False,
        },
        "subscription_update": {
            "billing_cycle_anchor": None,
            "default_allowed_updates": update.texts("default_allowed_updates")
            or ["price", "quantity"],
            "enabled": update.flag("enabled", default=True),
            "products": products,
            "proration_behavior": behavior,
            "schedule_at_period_end": {"conditions": []},
            "trial_update_behavior": "continue_trial",
        },
    }


def _add_configuration(account: Account, features: Json, *, default: bool) -> Json:
    now = account.now()
    return account.add(
        {
            "id": account.new_id("bpc"),
            "object": "billing_portal.configuration",
            "active": True,
            "application": None,
            "business_profile": {
                "headline": None,
                "privacy_policy_url": None,
                "terms_of_service_url": None,
            },
            "created": now,
            "default_return_url": None,
            "features": features,
            "is_default": default,
            "livemode": False,
            "login_page": {"enabled": False, "url": None},
            "metadata": {},
            "name": None,
            "updated": now,
        },
        "billing_portal.configuration.created",
    )


def create_configuration(call: Call) -> Json:
    """Create a configuration."""
    params = call.params
    profile = params.child("business_profile")
    if profile is not None:
        profile.ignore("headline", "privacy_policy_url", "terms_of_service_url")
    features = _features(params.child("features"))
    made = _add_configuration(call.account, features, default=False)
    made["default_return_url"] = params.text("default_return_url")
    made["metadata"] = call.metadata()
    return made


def update_configuration(call: Call) -> Json:
    """Change a configuration."""
    found, params = call.find("billing_portal.configuration"), call.params
    changes = params.given(
        {"active": lambda key: params.flag(key, default=True), "default_return_url": params.text}
    )
    if params.has("features"):
        changes["features"] = _features(params.child("features"))
    changes["metadata"] = call.metadata(found["metadata"])
    return call.account.change(found, changes, "billing_portal.configuration.updated")


def retrieve_configuration(call: Call) -> Json:
    """Return a configuration."""
    return call.find("billing_portal.configuration")


def list_configurations(call: Call) -> Json:
    """List configurations."""
    params = call.params
    wanted = params.given({"active": params.flag, "is_default": params.flag})
    found = call.account.where("billing_portal.configuration", **wanted)
    return call.page(found, "/v1/billing_portal/configurations")


def create_session(call: Call) -> Json:
    """Create a session; its address is the way into the portal."""
    account, params = call.account, call.params
    customer = account.find("customer", params.required("customer"), "customer")
    named = call.referred("configuration", "billing_portal.configuration")
    configuration = named or default_configuration(account)
    flow = _flow(call, customer)
    session = account.store.add(
        {
            "id": account.new_id("bps"),
            "object": "billing_portal.session",
            "configuration": configuration["id"],
            "created": account.now(customer["test_clock"]),
            "customer": customer["id"],
            "flow": flow,
            "livemode": False,
            "locale": params.text("locale"),
            "on_behalf_of": None,
            "return_url": params.text("return_url") or configuration["default_return_url"],
            "url": f"{account.url}/portal/{account.new_token(40)}",
        }
    )
    account.emit("billing_portal.session.created", session)
    return session


def _flow(call: Call, customer: Json) -> Json | None:
    given = call.params.child("flow_data")
    if given is None:
        return None
    given.required("type")
    kind = given.choice("type", FLOWS)
    flow: Json = {
        "after_completion": _after(given.child("after_completion")),
        "subscription_cancel": None,
        "subscription_update": None,
        "subscription_update_confirm": None,
        "type": kind,
    }
    for name in FLOWS[1:]:
        details = given.child(name)
        if details is None:
            continue
        details.ignore("retention", "discounts")
        identity = details.required("subscription")
        subscription = call.account.find("subscription", identity, details.name("subscription"))
        if subscription["customer"] != customer["id"]:
            raise invalid("This subscription belongs to another customer.", "flow_data")
        flow[name] = {"subscription": identity}
        if name == "subscription_update_confirm":
            flow[name] |= {
                "discounts": None,
                "items": [_item(i) for i in details.children("items")],
            }
    if kind != FLOWS[0] and flow[str(kind)] is None:
        raise StripeError(
            400,
            f"Missing required param: flow_data[{kind}].",
            code="parameter_missing",
            param=f"flow_data[{kind}]",
        )
    return flow


def _item(params: Params) -> Json:
    return {
        "id": params.required("id"),
        "price": params.text("price"),
        "quantity": params.integer("quantity"),
    }


def _after(params: Params | None) -> Json:
    kinds = ("hosted_confirmation", "portal_homepage", "redirect")
    kind = params.choice("type", kinds, "portal_homepage") if params else "portal_homepage"
    redirect = params.child("redirect") if params else None
    confirmation = params.child("hosted_confirmation") if params else None
    if confirmation is not None:
        confirmation.ignore("custom_message")
    return {
        "hosted_confirmation": None,
        "redirect": {"return_url": redirect.required("return_url")} if redirect else None,
        "type": kind,
    }


ROUTES = [
    Route("POST", "/v1/billing_portal/sessions", create_session),
    Route("POST", "/v1/billing_portal/configurations", create_configuration),
    Route("GET", "/v1/billing_portal/configurations", list_configurations),
    Route("GET", "/v1/billing_portal/configurations/{}", retrieve_configuration),
    Route("POST", "/v1/billing_portal/configurations/{}", update_configuration),
]
