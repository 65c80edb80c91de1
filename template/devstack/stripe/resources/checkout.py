"""Checkout sessions."""

from devstack.stripe.billing import checkout
from devstack.stripe.billing.checkout import Payer
from devstack.stripe.billing.lines import product_name
from devstack.stripe.billing.methods import method_of
from devstack.stripe.calls import Call, Route, merged
from devstack.stripe.errors import StripeError, invalid
from devstack.stripe.params import Params
from devstack.stripe.rendering import render
from devstack.stripe.resources.subscriptions import automatic_tax, price_of, trial_settings
from devstack.stripe.store import Json

DAY = 86400
SHORTEST = 30 * 60
# Texts, languages and payment methods, which change nothing here.
IGNORED = (
    "billing_address_collection",
    "branding_settings",
    "consent_collection",
    "custom_text",
    "locale",
    "origin_context",
    "payment_method_options",
    "payment_method_types",
    "phone_number_collection",
    "submit_type",
)


def create(call: Call) -> Json:
    """Create a session, whose page a person opens."""
    account, params = call.account, call.params
    params.ignore(*IGNORED)
    params.required("mode")
    mode = params.choice("mode", ("payment", "subscription")) or "payment"
    customer = call.referred("customer", "customer")
    now = account.now(customer["test_clock"] if customer else None)
    items = _line_items(call)
    prices = [account.find("price", each["price"]) for each in items]
    recurring = [each for each in prices if each["recurring"]]
    if mode == "payment" and recurring:
        raise invalid(
            "You specified `payment` mode but passed a recurring price. Either switch to "
            "`subscription` mode or use only one-time prices.",
            "mode",
        )
    if mode == "subscription" and not recurring:
        raise invalid(
            "You must provide at least one recurring price in `subscription` mode when using "
            "prices.",
            "mode",
        )
    if len({each["currency"] for each in prices}) > 1:
        raise invalid("All prices of a Checkout Session must have the same currency.", "line_items")
    tax = automatic_tax(params.child("automatic_tax"))
    update = params.child("customer_update")
    if update is not None:
        update.ignore("address", "name", "shipping")
    identity = f"cs_test_{account.new_token(58)}"
    session = account.store.add(
        {
            "id": identity,
            "object": "checkout.session",
            "adaptive_pricing": {"enabled": False},
            "after_expiration": None,
            "allow_promotion_codes": params.flag("allow_promotion_codes") or None,
            "amount_subtotal": 0,
            "amount_total": 0,
            "automatic_tax": {
                "enabled": tax["enabled"],
                "liability": tax["liability"],
                "provider": "stripe" if tax["enabled"] else None,
                "status": None,
            },
            "billing_address_collection": None,
            "cancel_url": params.text("cancel_url"),
            "client_reference_id": params.text("client_reference_id"),
            "client_secret": None,
            "collected_information": None,
            "consent": None,
            "consent_collection": None,
            "created": now,
            "currency": prices[0]["currency"],
            "currency_conversion": None,
            "custom_fields": [],
            "custom_text": {
                "after_submit": None,
                "shipping_address": None,
                "submit": None,
                "terms_of_service_acceptance": None,
            },
            "customer": customer["id"] if customer else None,
            "customer_creation": _customer_creation(params, mode, customer),
            "customer_details": None,
            "customer_email": params.text("customer_email"),
            "discounts": _discounts(call),
            "expires_at": _expires_at(params, now),
            "invoice": None,
            "invoice_creation": _invoice_creation(params.child("invoice_creation"), mode),
            "livemode": False,
            "locale": None,
            "metadata": call.metadata(),
            "mode": mode,
            "origin_context": None,
            "payment_intent": None,
            "payment_link": None,
            "payment_method_collection": _collection(params, mode),
            "payment_method_configuration_details": None,
            "payment_method_options": {"card": {"request_three_d_secure": "automatic"}},
            "payment_method_types": ["card"],
            "payment_status": "unpaid",
            "permissions": None,
            "phone_number_collection": {"enabled": False},
            "recovered_from": None,
            "saved_payment_method_options": _saved_methods(params),
            "setup_intent": None,
            "shipping_address_collection": None,
            "shipping_cost": None,
            "shipping_options": [],
            "status": "open",
            "submit_type": None,
            "subscription": None,
            "success_url": None,
            "tax_id_collection": _tax_ids(params.child("tax_id_collection")),
            "total_details": None,
            "ui_mode": params.choice("ui_mode", ("hosted_page",), "hosted_page"),
            "url": f"{account.url}/checkout/{identity}",
            "wallet_options": None,
            "_line_items": items,
            "_intent": None,
        }
    )
    session["success_url"] = params.required("success_url")
    session |= _data(call, mode)
    checkout.set_amounts(account, session)
    if session["amount_total"] == 0 and mode == "payment":
        session["payment_status"] = "no_payment_required"
    return session


def _line_items(call: Call) -> list[Json]:
    account = call.account
    found = []
    for each in call.params.children("line_items"):
        adjustable = each.child("adjustable_quantity")
        if adjustable is not None:
            adjustable.ignore("maximum", "minimum")
        price = price_of(call, each)
        if price is None:
            raise invalid("You must specify either `price` or `price_data`.", each.name("price"))
        if not price["active"]:
            raise invalid(
                f"The price specified is inactive. This field only accepts active prices: "
                f"{price['id']}",
                each.name("price"),
            )
        found.append(
            {
                "id": account.new_id("li"),
                "object": "item",
                "amount_discount": 0,
                "amount_subtotal": 0,
                "amount_tax": 0,
                "amount_total": 0,
                "currency": price["currency"],
                "description": product_name(account, price),
                "metadata": {},
                "price": price["id"],
                "quantity": each.integer("quantity", 1, least=1),
                "_adjustable": bool(adjustable and adjustable.flag("enabled")),
            }
        )
    if not found:
        raise StripeError(
            400,
            "Missing required param: line_items.",
            code="parameter_missing",
            param="line_items",
        )
    return found


def _customer_creation(params: Params, mode: str, customer: Json | None) -> str | None:
    choice = params.choice("customer_creation", ("always", "if_required"))
    if mode == "subscription" or customer is not None:
        return None
    return choice or "if_required"


def _collection(params: Params, mode: str) -> str:
    choice = params.choice("payment_method_collection", ("always", "if_required"))
    return choice or ("always" if mode == "subscription" else "if_required")


def _expires_at(params: Params, now: int) -> int:
    moment = params.integer("expires_at", now + DAY) or now + DAY
    if not now + SHORTEST <= moment <= now + DAY:
        raise invalid(
            "The `expires_at` timestamp must be between 30 minutes and 24 hours from Checkout "
            "Session creation.",
            "expires_at",
        )
    return moment


def _discounts(call: Call) -> list[Json]:
    found = []
    for each in call.params.children("discounts"):
        inner = Call(call.account, each, call.ids)
        coupon = inner.referred("coupon", "coupon")
        code = inner.referred("promotion_code", "promotion_code")
        found.append(
            {
                "coupon": coupon["id"] if coupon else None,
                "promotion_code": code["id"] if code else None,
            }
        )
    if found and call.params.flag("allow_promotion_codes"):
        raise invalid(
            "You may only specify one of these parameters: allow_promotion_codes, discounts.",
            "allow_promotion_codes",
        )
    return found


def _invoice_creation(params: Params | None, mode: str) -> Json | None:
    if mode == "subscription":
        return None
    data = params.child("invoice_data") if params else None
    if data is not None:
        data.ignore("custom_fields", "footer", "issuer", "rendering_options", "account_tax_ids")
    return {
        "enabled": bool(params and params.flag("enabled")),
        "invoice_data": {
            "account_tax_ids": None,
            "custom_fields": None,
            "description": data.text("description") if data else None,
            "footer": None,
            "issuer": None,
            "metadata": merged(None, data.mapping("metadata")) if data else {},
            "rendering_options": None,
        },
    }


def _saved_methods(params: Params) -> Json | None:
    given = params.child("saved_payment_method_options")
    if given is None:
        return None
    given.ignore("allow_redisplay_filters", "payment_method_remove", "payment_method_save")
    return None


def _tax_ids(params: Params | None) -> Json:
    enabled = params is not None and params.flag("enabled")
    required = params.choice("required", ("if_supported", "never")) if params else None
    return {"enabled": enabled, "required": required or "never"}


def _data(call: Call, mode: str) -> Json:
    """Return what the subscription or the payment gets later."""
    subscription = call.params.child("subscription_data")
    payment = call.params.child("payment_intent_data")
    given: Json = {"_trial_end": None, "_trial_days": None, "_subscription": {}, "_payment": {}}
    if subscription is not None:
        if mode != "subscription":
            raise invalid("`subscription_data` is for `subscription` mode.", "subscription_data")
        subscription.ignore("billing_mode", "proration_behavior", "invoice_settings")
        settings = trial_settings(subscription.child("trial_settings"))
        given |= {
            "_trial_end": subscription.integer("trial_end"),
            "_trial_days": subscription.integer("trial_period_days", least=1),
            "_subscription": {
                "metadata": merged(None, subscription.mapping("metadata")),
                "description": subscription.text("description"),
                **({"trial_settings": settings} if settings else {}),
            },
        }
    if payment is not None:
        if mode != "payment":
            raise invalid("`payment_intent_data` is for `payment` mode.", "payment_intent_data")
        payment.ignore("shipping", "statement_descriptor")
        given["_payment"] = {
            "metadata": merged(None, payment.mapping("metadata")),
            "description": payment.text("description"),
            "receipt_email": payment.text("receipt_email"),
            "setup_future_usage": payment.choice("setup_future_usage", _USAGES),
        }
    return given


_USAGES = ("off_session", "on_session")


def confirm_page(call: Call) -> Json:
    """Pay a session. The page of Stripe and its command line call this; there is no other use."""
    params = call.params
    session = call.find("checkout.session")
    amount = params.integer("expected_amount")
    if amount is not None and amount != session["amount_total"]:
        raise invalid("The amount of this session has changed.", "expected_amount")
    method = method_of(call.account, params.required("payment_method"))
    return checkout.complete(call.account, session, method, Payer(email=params.text("email")))


def retrieve(call: Call) -> Json:
    """Return a session."""
    return call.find("checkout.session")


def update(call: Call) -> Json:
    """Change the metadata of a session."""
    session = call.find("checkout.session")
    return call.account.change(session, {"metadata": call.metadata(session["metadata"])})


def expire(call: Call) -> Json:
    """Expire an open session."""
    return checkout.expire(call.account, call.find("checkout.session"))


def line_items(call: Call) -> Json:
    """List the items of a session."""
    session = call.find("checkout.session")
    items = reversed(session["_line_items"])
    page = call.page(items, f"/v1/checkout/sessions/{call.id}/line_items")
    for each in page["data"]:
        each["price"] = render(call.account.store, call.account.find("price", each["price"]))
    return page


def list_all(call: Call) -> Json:
    """List sessions."""
    params = call.params
    names = ("customer", "payment_intent", "subscription", "status")
    wanted = params.given(dict.fromkeys(names, params.text))
    return call.page(call.account.where("checkout.session", **wanted), "/v1/checkout/sessions")


ROUTES = [
    Route("POST", "/v1/checkout/sessions", create),
    Route("GET", "/v1/checkout/sessions", list_all),
    Route("GET", "/v1/checkout/sessions/{}", retrieve),
    Route("POST", "/v1/checkout/sessions/{}", update),
    Route("POST", "/v1/checkout/sessions/{}/expire", expire),
    Route("GET", "/v1/checkout/sessions/{}/line_items", line_items),
    Route("GET", "/v1/payment_pages/{}", retrieve),
    Route("POST", "/v1/payment_pages/{}/confirm", confirm_page),
]
