"""Customers and their tax ids."""

from devstack.stripe.billing.customers import ADDRESS, add_tax_id, new_customer
from devstack.stripe.billing.discounts import start_discount
from devstack.stripe.billing.methods import attach, method_of
from devstack.stripe.billing.subscriptions import cancel
from devstack.stripe.calls import Call, Route
from devstack.stripe.params import Params
from devstack.stripe.store import Json


def address(params: Params | None) -> Json | None:
    """Return an address."""
    return {name: params.text(name) for name in ADDRESS} if params else None


def _shipping(params: Params | None) -> Json | None:
    if params is None:
        return None
    return {
        "address": address(params.child("address")),
        "carrier": params.text("carrier"),
        "name": params.text("name"),
        "phone": params.text("phone"),
        "tracking_number": params.text("tracking_number"),
    }


def _fields(call: Call) -> Json:
    params = call.params
    params.ignore("tax", "source", "invoice_prefix")
    return params.given(
        {
            **dict.fromkeys(("description", "email", "name", "phone"), params.text),
            **dict.fromkeys(("individual_name", "business_name"), params.text),
            "balance": lambda key: params.integer(key) or 0,
            "preferred_locales": params.texts,
            "tax_exempt": lambda key: params.choice(key, ("none", "exempt", "reverse"), "none"),
            "address": lambda key: address(params.child(key)),
            "shipping": lambda key: _shipping(params.child(key)),
        }
    )


def _invoice_settings(call: Call, before: Json, attached: dict[str, str] | None = None) -> Json:
    """Return the settings after a request; `attached` has the ids of cards like `pm_card_visa`."""
    given = call.params.child("invoice_settings")
    if given is None:
        return before
    given.ignore("custom_fields", "rendering_options")
    changes = given.given({"footer": given.text, "default_payment_method": given.text})
    method = changes.get("default_payment_method")
    if method:
        method = changes["default_payment_method"] = (attached or {}).get(method, method)
        call.account.find("payment_method", method, given.name("default_payment_method"))
    return {**before, **changes}


def _discount(call: Call, customer: str) -> Json | None:
    code = call.referred("promotion_code", "promotion_code")
    coupon = call.referred("coupon", "coupon")
    if code is None and coupon is None:
        return None
    return start_discount(call.account, customer=customer, coupon=coupon, code=code)


def create(call: Call) -> Json:
    """Create a customer, with tax ids if they are given."""
    account = call.account
    clock = call.referred("test_clock", "test_helpers.test_clock")
    method = call.params.text("payment_method")
    fields = {**_fields(call), "metadata": call.metadata()}
    customer = new_customer(account, clock=clock["id"] if clock else None, **fields)
    identity = customer["id"]
    attached = {}
    if method:
        found = attach(account, method_of(account, method), customer)
        attached = {method: found["id"]}
    customer["invoice_settings"] = _invoice_settings(call, customer["invoice_settings"], attached)
    customer["discount"] = _discount(call, identity)
    for each in call.params.children("tax_id_data"):
        add_tax_id(account, customer, each.required("type"), each.required("value"))
    account.emit("customer.created", customer)
    return customer


def update(call: Call) -> Json:
    """Change a customer."""
    customer = call.find("customer")
    changes = _fields(call)
    changes["metadata"] = call.metadata(customer["metadata"])
    changes["invoice_settings"] = _invoice_settings(call, customer["invoice_settings"])
    if call.params.has("coupon") or call.params.has("promotion_code"):
        changes["discount"] = _discount(call, customer["id"])
    call.params.ignore("default_source")
    return call.account.change(customer, changes, "customer.updated")


def retrieve(call: Call) -> Json:
    """Return a customer; of a deleted one, only that it is deleted."""
    found = call.account.store.get(call.id)
    if found and found["object"] == "customer" and found.get("deleted"):
        return found
    return call.find("customer")


def delete(call: Call) -> Json:
    """Delete a customer, and cancel its subscriptions."""
    account = call.account
    customer = call.find("customer")
    for each in account.where("subscription", customer=customer["id"]):
        if each["ended_at"] is None:
            cancel(account, each)
    account.emit("customer.deleted", customer)
    account.store.touch(customer)
    clock = customer["test_clock"]
    customer.clear()
    customer.update(id=call.id, object="customer", deleted=True, _test_clock=clock)
    return customer


def list_all(call: Call) -> Json:
    """List customers."""
    wanted = call.params.given({"email": call.params.text, "test_clock": call.params.text})
    # Without a clock, those of clocks are left out.
    wanted.setdefault("test_clock", None)
    return call.page(call.account.where("customer", **wanted), "/v1/customers")


def search(call: Call) -> Json:
    """Find customers by `email:'…'` or `metadata['…']:'…'`, joined by AND."""
    return call.search("customer", "/v1/customers/search")


def create_tax_id(call: Call) -> Json:
    """Add a tax id to a customer."""
    kind, value = call.params.required("type"), call.params.required("value")
    return add_tax_id(call.account, call.find("customer"), kind, value)


def retrieve_tax_id(call: Call) -> Json:
    """Return a tax id."""
    return call.account.find("tax_id", call.ids[1])


def delete_tax_id(call: Call) -> Json:
    """Delete a tax id."""
    found = call.account.find("tax_id", call.ids[1])
    call.account.emit("customer.tax_id.deleted", found)
    call.account.store.delete(found)
    return {"id": found["id"], "object": "tax_id", "deleted": True}


def list_tax_ids(call: Call) -> Json:
    """List the tax ids of a customer."""
    found = call.account.where("tax_id", customer=call.find("customer")["id"])
    return call.page(found, f"/v1/customers/{call.id}/tax_ids")


ROUTES = [
    Route("POST", "/v1/customers", create),
    Route("GET", "/v1/customers", list_all),
    Route("GET", "/v1/customers/search", search),
    Route("GET", "/v1/customers/{}", retrieve),
    Route("POST", "/v1/customers/{}", update),
    Route("DELETE", "/v1/customers/{}", delete),
    Route("POST", "/v1/customers/{}/tax_ids", create_tax_id),
    Route("GET", "/v1/customers/{}/tax_ids", list_tax_ids),
    Route("GET", "/v1/customers/{}/tax_ids/{}", retrieve_tax_id),
    Route("DELETE", "/v1/customers/{}/tax_ids/{}", delete_tax_id),
]
