"""Prices."""

from devstack.stripe.account import Account
from devstack.stripe.calls import Call, Route, merged
from devstack.stripe.errors import StripeError, invalid
from devstack.stripe.params import Params
from devstack.stripe.store import Json

INTERVALS = ("day", "week", "month", "year")
TAX_BEHAVIORS = ("exclusive", "inclusive", "unspecified")


def _recurring(params: Params | None) -> Json | None:
    if params is None:
        return None
    params.required("interval")
    usage = params.choice("usage_type", ("licensed", "metered"), "licensed")
    if usage == "metered":
        raise invalid("The local Stripe has no metered prices.", params.name("usage_type"))
    return {
        "interval": params.choice("interval", INTERVALS),
        "interval_count": params.integer("interval_count", 1, least=1),
        "meter": None,
        "trial_period_days": params.integer("trial_period_days"),
        "usage_type": usage,
    }


def _amount(params: Params) -> int:
    """Return the amount of one unit, in the smallest unit of the currency."""
    amount = params.integer("unit_amount", least=0)
    exact = params.number("unit_amount_decimal")
    if amount is not None:
        return amount
    if exact is None:
        raise StripeError(
            400,
            f"Missing required param: {params.name('unit_amount')}.",
            code="parameter_missing",
            param=params.name("unit_amount"),
        )
    if exact != int(exact):
        raise invalid(
            "The local Stripe has no prices with fractions of the smallest unit.",
            params.name("unit_amount_decimal"),
        )
    return int(exact)


def _take_lookup_key(account: Account, params: Params, key: str | None) -> None:
    """Free a lookup key that another price has, if the request transfers it."""
    transfer = params.flag("transfer_lookup_key")
    if key is None:
        return
    for other in account.where("price", lookup_key=key):
        if not transfer:
            raise invalid(
                f"A price (`{other['id']}`) already uses that lookup key.",
                params.name("lookup_key"),
            )
        account.change(other, {"lookup_key": None}, "price.updated")


def create_price(account: Account, params: Params, product: Json) -> Json:
    """Create a price of a product."""
    params.ignore("billing_scheme", "currency_options")
    key = params.text("lookup_key")
    _take_lookup_key(account, params, key)
    recurring = _recurring(params.child("recurring"))
    amount = _amount(params)
    return account.add(
        {
            "id": account.new_id("price"),
            "object": "price",
            "active": params.flag("active", default=True),
            "billing_scheme": "per_unit",
            "created": account.now(),
            "currency": params.required("currency").lower(),
            "custom_unit_amount": None,
            "livemode": False,
            "lookup_key": key,
            "metadata": merged(None, params.mapping("metadata")),
            "nickname": params.text("nickname"),
            "product": product["id"],
            "recurring": recurring,
            "tax_behavior": params.choice("tax_behavior", TAX_BEHAVIORS, "unspecified"),
            "tiers_mode": None,
            "transform_quantity": None,
            "type": "recurring" if recurring else "one_time",
            "unit_amount": amount,
            "unit_amount_decimal": str(amount),
        },
        "price.created",
    )


def create(call: Call) -> Json:
    """Create a price, with its product if `product_data` is given."""
    account, params = call.account, call.params
    data = params.child("product_data")
    if data is not None:
        product = new_product(account, data)
    else:
        product = account.find("product", params.required("product"), "product")
    return create_price(account, params, product)


def new_product(account: Account, params: Params) -> Json:
    """Create a product from the short description that prices accept."""
    now = account.now()
    return account.add(
        {
            "id": params.text("id") or account.new_id("prod", 14),
            "object": "product",
            "active": params.flag("active", default=True),
            "created": now,
            "default_price": None,
            "description": params.text("description"),
            "images": params.texts("images"),
            "livemode": False,
            "marketing_features": [],
            "metadata": merged(None, params.mapping("metadata")),
            "name": params.required("name"),
            "package_dimensions": None,
            "shippable": None,
            "statement_descriptor": params.text("statement_descriptor"),
            "tax_code": params.text("tax_code"),
            "type": "service",
            "unit_label": params.text("unit_label"),
            "updated": now,
            "url": None,
        },
        "product.created",
    )


def retrieve(call: Call) -> Json:
    """Return a price."""
    return call.find("price")


def update(call: Call) -> Json:
    """Change a price. Amount, currency and interval are fixed."""
    account, params = call.account, call.params
    price = call.find("price")
    changes = params.given(
        {
            "active": lambda key: params.flag(key, default=True),
            "nickname": params.text,
            "lookup_key": params.text,
            "tax_behavior": lambda key: params.choice(key, TAX_BEHAVIORS),
        }
    )
    key = changes.get("lookup_key")
    if key != price["lookup_key"]:
        _take_lookup_key(account, params, key)
    params.ignore("transfer_lookup_key")
    changes["metadata"] = call.metadata(price["metadata"])
    return account.change(price, changes, "price.updated")


def list_all(call: Call) -> Json:
    """List prices."""
    params = call.params
    texts = dict.fromkeys(("currency", "product", "type"), params.text)
    wanted = params.given({"active": params.flag, **texts})
    found = call.account.where("price", **wanted)
    keys = params.texts("lookup_keys")
    if keys:
        found = [each for each in found if each["lookup_key"] in keys]
    recurring = params.child("recurring")
    if recurring is not None:
        interval = recurring.choice("interval", INTERVALS)
        found = [each for each in found if (each["recurring"] or {}).get("interval") == interval]
    return call.page(found, "/v1/prices")


def search(call: Call) -> Json:
    """Find prices by a query, such as `lookup_key:'pro_monthly'`."""
    return call.search("price", "/v1/prices/search")


ROUTES = [
    Route("POST", "/v1/prices", create),
    Route("GET", "/v1/prices", list_all),
    Route("GET", "/v1/prices/search", search),
    Route("GET", "/v1/prices/{}", retrieve),
    Route("POST", "/v1/prices/{}", update),
]
