"""Invoices, their lines and payments."""

from devstack.stripe.billing import invoices
from devstack.stripe.billing.methods import method_of
from devstack.stripe.calls import Call, Route
from devstack.stripe.errors import invalid
from devstack.stripe.resources.discounts import read_discounts
from devstack.stripe.store import Json

DAY = 86400


def create(call: Call) -> Json:
    """Create a draft for the waiting invoice items of a customer."""
    account, params = call.account, call.params
    customer = account.find("customer", params.required("customer"), "customer")
    subscription = call.referred("subscription", "subscription")
    params.ignore("payment_settings", "rendering", "custom_fields", "issuer")
    currency = params.text("currency") or customer["currency"] or "usd"
    now = account.now(customer["test_clock"])
    advance = params.flag("auto_advance")
    behavior = params.choice("pending_invoice_items_behavior", ("exclude", "include"), "exclude")
    collection = params.choice("collection_method", ("charge_automatically", "send_invoice"))
    changes = {
        "auto_advance": advance,
        "automatically_finalizes_at": now + invoices.DRAFT_SECONDS if advance else None,
        "collection_method": collection or "charge_automatically",
        "description": params.text("description"),
        "footer": params.text("footer"),
        "metadata": call.metadata(),
    }
    method = call.referred("default_payment_method", "payment_method")
    if method is not None:
        changes["default_payment_method"] = method["id"]
    days = params.integer("days_until_due")
    if days is not None:
        changes["due_date"] = now + days * DAY
    given = read_discounts(call, params, customer["id"]) if params.has("discounts") else None
    return invoices.create(
        account,
        customer,
        [],
        reason="manual",
        currency=currency.lower(),
        subscription=subscription,
        with_pending=behavior == "include" or subscription is not None,
        discounts=None if given is None else [each["id"] for each in given],
        changes=changes,
    )


def retrieve(call: Call) -> Json:
    """Return an invoice."""
    return call.find("invoice")


def update(call: Call) -> Json:
    """Change an invoice: all of a draft, only metadata of others."""
    invoice, params = call.find("invoice"), call.params
    changes = params.given(
        {
            "auto_advance": params.flag,
            "default_payment_method": params.text,
            "description": params.text,
            "footer": params.text,
        }
    )
    changes["metadata"] = call.metadata(invoice["metadata"])
    return call.account.change(invoice, changes, "invoice.updated")


def delete(call: Call) -> Json:
    """Delete a draft."""
    invoice = call.find("invoice")
    if invoice["status"] != "draft" or invoice["parent"]:
        raise invalid("You can only delete draft invoices that are of no subscription.")
    account = call.account
    for item in account.where("invoiceitem", invoice=invoice["id"]):
        account.store.delete(item)
    account.emit("invoice.deleted", invoice)
    account.store.delete(invoice)
    return {"id": invoice["id"], "object": "invoice", "deleted": True}


def finalize(call: Call) -> Json:
    """Finalize a draft. With `auto_advance` it is collected an hour later."""
    account, invoice = call.account, call.find("invoice")
    advance = call.params.flag("auto_advance", default=invoice["auto_advance"])
    invoices.finalize(account, invoice)
    automatic = invoice["collection_method"] == "charge_automatically"
    if invoice["status"] == "open" and advance and automatic:
        due = account.now(invoice["test_clock"]) + invoices.DRAFT_SECONDS
        account.change(invoice, {"auto_advance": True, "next_payment_attempt": due})
    return invoice


def pay(call: Call) -> Json:
    """Pay an invoice now."""
    account, params = call.account, call.params
    identity = params.text("payment_method")
    method = method_of(account, identity) if identity else None
    return invoices.pay(
        account,
        call.find("invoice"),
        method,
        off_session=params.flag("off_session", default=True),
        outside=params.flag("paid_out_of_band"),
    )


def void(call: Call) -> Json:
    """Declare an invoice void."""
    return invoices.void(call.account, call.find("invoice"))


def mark_uncollectible(call: Call) -> Json:
    """Give up an invoice."""
    return invoices.mark_uncollectible(call.account, call.find("invoice"))


def send(call: Call) -> Json:
    """Finalize an invoice, which Stripe would send by mail."""
    invoice = call.find("invoice")
    if invoice["status"] == "draft":
        invoices.finalize(call.account, invoice)
    call.account.emit("invoice.sent", invoice)
    return invoice


def lines(call: Call) -> Json:
    """List the lines of an invoice."""
    invoice = call.find("invoice")
    return call.page(reversed(invoice["lines"]), f"/v1/invoices/{call.id}/lines")


def list_all(call: Call) -> Json:
    """List invoices."""
    params = call.params
    params.ignore("due_date")
    names = ("customer", "status", "collection_method")
    found = call.account.where("invoice", **params.given(dict.fromkeys(names, params.text)))
    subscription = params.text("subscription")
    if subscription:
        found = [
            each
            for each in found
            if each["parent"]
            and each["parent"]["subscription_details"]["subscription"] == subscription
        ]
    return call.page(found, "/v1/invoices")


def search(call: Call) -> Json:
    """Find invoices by a query, such as `status:'open'`."""
    return call.search("invoice", "/v1/invoices/search")


def list_payments(call: Call) -> Json:
    """List the payments of invoices."""
    params = call.params
    names = ("invoice", "status")
    found = call.account.where("invoice_payment", **params.given(dict.fromkeys(names, params.text)))
    payment = params.child("payment")
    if payment is not None:
        payment.choice("type", ("payment_intent",))
        intent = payment.text("payment_intent")
        found = [each for each in found if each["payment"]["payment_intent"] == intent]
    return call.page(found, "/v1/invoice_payments")


def retrieve_payment(call: Call) -> Json:
    """Return a payment of an invoice."""
    return call.find("invoice_payment")


ROUTES = [
    Route("POST", "/v1/invoices", create),
    Route("GET", "/v1/invoices", list_all),
    Route("GET", "/v1/invoices/search", search),
    Route("GET", "/v1/invoices/{}", retrieve),
    Route("POST", "/v1/invoices/{}", update),
    Route("DELETE", "/v1/invoices/{}", delete),
    Route("POST", "/v1/invoices/{}/finalize", finalize),
    Route("POST", "/v1/invoices/{}/pay", pay),
    Route("POST", "/v1/invoices/{}/void", void),
    Route("POST", "/v1/invoices/{}/mark_uncollectible", mark_uncollectible),
    Route("POST", "/v1/invoices/{}/send", send),
    Route("GET", "/v1/invoices/{}/lines", lines),
    Route("GET", "/v1/invoice_payments", list_payments),
    Route("GET", "/v1/invoice_payments/{}", retrieve_payment),
]
