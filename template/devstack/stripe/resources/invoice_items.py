"""Invoice items: amounts that the next invoice of a customer takes."""

from devstack.stripe.billing.invoices import refresh
from devstack.stripe.billing.lines import add_item, line_of_item, product_name
from devstack.stripe.calls import Call, Route
from devstack.stripe.errors import invalid
from devstack.stripe.params import Params
from devstack.stripe.resources.subscriptions import price_of
from devstack.stripe.store import Json


def _price(call: Call) -> Json | None:
    return price_of(call, call.params.child("pricing") or call.params)


def create(call: Call) -> Json:
    """Create an invoice item, also one of a draft."""
    account, params = call.account, call.params
    customer = account.find("customer", params.required("customer"), "customer")
    params.ignore("tax_behavior", "tax_code", "tax_rates")
    price = _price(call)
    quantity = params.integer("quantity", 1, least=1) or 1
    amount = params.integer("amount")
    if price is None and amount is None:
        raise invalid("You must provide one of `amount` or `pricing`.", "amount")
    now = account.now(customer["test_clock"])
    item = add_item(
        account,
        customer,
        amount=price["unit_amount"] * quantity if price else amount or 0,
        currency=price["currency"] if price else params.required("currency").lower(),
        description=params.text("description") or (product_name(account, price) if price else None),
        period=_period(params.child("period"), now),
        price=price,
        quantity=quantity,
        subscription=call.referred("subscription", "subscription"),
        metadata=call.metadata(),
    )
    params.ignore("currency")
    item["discountable"] = params.flag("discountable", default=True)
    draft = call.referred("invoice", "invoice")
    if draft is not None:
        if draft["status"] != "draft":
            raise invalid("You can only add items to draft invoices.", "invoice")
        item["invoice"] = draft["id"]
        line = line_of_item(account, item)
        line["invoice"] = draft["id"]
        account.store.touch(draft)["lines"].append(line)
        refresh(account, draft)
    return item


def _period(params: Params | None, now: int) -> Json:
    if params is None:
        return {"start": now, "end": now}
    return {"start": params.integer("start", now), "end": params.integer("end", now)}


def retrieve(call: Call) -> Json:
    """Return an invoice item."""
    return call.find("invoiceitem")


def delete(call: Call) -> Json:
    """Delete an invoice item that no invoice has taken."""
    item = call.find("invoiceitem")
    if item["invoice"] is not None:
        raise invalid("This invoice item belongs to an invoice, so it cannot be deleted.")
    call.account.emit("invoiceitem.deleted", item)
    call.account.store.delete(item)
    return {"id": item["id"], "object": "invoiceitem", "deleted": True}


def list_all(call: Call) -> Json:
    """List invoice items."""
    params = call.params
    wanted = params.given({"customer": params.text, "invoice": params.text})
    if params.flag("pending"):
        wanted["invoice"] = None
    return call.page(call.account.where("invoiceitem", **wanted), "/v1/invoiceitems")


ROUTES = [
    Route("POST", "/v1/invoiceitems", create),
    Route("GET", "/v1/invoiceitems", list_all),
    Route("GET", "/v1/invoiceitems/{}", retrieve),
    Route("DELETE", "/v1/invoiceitems/{}", delete),
]
