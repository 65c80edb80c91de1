"""Coupons, promotion codes and the `discounts` of other requests."""

from devstack.stripe.billing.discounts import start_discount
from devstack.stripe.calls import Call, Route
from devstack.stripe.errors import StripeError, invalid
from devstack.stripe.params import Params
from devstack.stripe.store import Json


def read_discounts(
    call: Call, params: Params, customer: str | None, subscription: Json | None = None
) -> list[Json]:
    """Return the discounts that a request gives: new ones, or those that it keeps."""
    found = []
    account = call.account
    for each in params.children("discounts"):
        kept = each.text("discount")
        if kept is not None:
            found.append(account.find("discount", kept, each.name("discount")))
            continue
        inner = Call(account, each, call.ids)
        found.append(
            start_discount(
                account,
                customer=customer,
                coupon=inner.referred("coupon", "coupon"),
                code=inner.referred("promotion_code", "promotion_code"),
                subscription=subscription,
            )
        )
    return found


def create_coupon(call: Call) -> Json:
    """Create a coupon."""
    account, params = call.account, call.params
    identity = params.text("id") or account.new_token(8)
    if account.store.get(identity):
        raise StripeError(400, "Coupon already exists.", code="resource_already_exists", param="id")
    duration = params.choice("duration", ("once", "forever", "repeating"), "once")
    months = params.integer("duration_in_months", least=1)
    if (duration == "repeating") != (months is not None):
        raise invalid("`duration_in_months` belongs to the duration `repeating`.", "duration")
    percent, amount = params.number("percent_off"), params.integer("amount_off", least=1)
    if (percent is None) == (amount is None):
        raise invalid("Pass either `percent_off` or `amount_off`.", "percent_off")
    limits = params.child("applies_to")
    return account.add(
        {
            "id": identity,
            "object": "coupon",
            "amount_off": amount,
            **({"applies_to": {"products": limits.texts("products")}} if limits else {}),
            "created": account.now(),
            "currency": params.required("currency").lower() if amount else params.text("currency"),
            "duration": duration,
            "duration_in_months": months,
            "livemode": False,
            "max_redemptions": params.integer("max_redemptions", least=1),
            "metadata": call.metadata(),
            "name": params.text("name"),
            "percent_off": percent,
            "redeem_by": params.integer("redeem_by"),
            "times_redeemed": 0,
            "valid": True,
        },
        "coupon.created",
    )


def retrieve_coupon(call: Call) -> Json:
    """Return a coupon."""
    return call.find("coupon")


def update_coupon(call: Call) -> Json:
    """Change name and metadata of a coupon."""
    coupon = call.find("coupon")
    changes = call.params.given({"name": call.params.text})
    changes["metadata"] = call.metadata(coupon["metadata"])
    return call.account.change(coupon, changes, "coupon.updated")


def delete_coupon(call: Call) -> Json:
    """Delete a coupon. Discounts that were given stay."""
    coupon = call.find("coupon")
    call.account.emit("coupon.deleted", coupon)
    call.account.change(coupon, {"_deleted": True, "valid": False})
    return {"id": coupon["id"], "object": "coupon", "deleted": True}


def list_coupons(call: Call) -> Json:
    """List coupons."""
    found = [each for each in call.account.where("coupon") if not each.get("_deleted")]
    return call.page(found, "/v1/coupons")


def create_code(call: Call) -> Json:
    """Create a promotion code of a coupon."""
    account, params = call.account, call.params
    promotion = params.child("promotion")
    if promotion is None:
        raise StripeError(
            400,
            "Missing required param: promotion.",
            code="parameter_missing",
            param="promotion",
        )
    promotion.choice("type", ("coupon",))
    coupon = account.find("coupon", promotion.required("coupon"), "promotion[coupon]")
    code = params.text("code") or account.new_token(8).upper()
    for other in account.where("promotion_code", active=True):
        if other["code"].lower() == code.lower():
            raise invalid("An active promotion code with this code already exists.", "code")
    customer = call.referred("customer", "customer")
    limits = params.child("restrictions")
    return account.add(
        {
            "id": account.new_id("promo"),
            "object": "promotion_code",
            "active": params.flag("active", default=True),
            "code": code,
            "created": account.now(),
            "customer": customer["id"] if customer else None,
            "expires_at": params.integer("expires_at"),
            "livemode": False,
            "max_redemptions": params.integer("max_redemptions", least=1),
            "metadata": call.metadata(),
            "promotion": {"coupon": coupon["id"], "type": "coupon"},
            "restrictions": {
                "first_time_transaction": bool(limits and limits.flag("first_time_transaction")),
                "minimum_amount": limits.integer("minimum_amount") if limits else None,
                "minimum_amount_currency": limits.text("minimum_amount_currency")
                if limits
                else None,
            },
            "times_redeemed": 0,
        },
        "promotion_code.created",
    )


def retrieve_code(call: Call) -> Json:
    """Return a promotion code."""
    return call.find("promotion_code")


def update_code(call: Call) -> Json:
    """Switch a promotion code on or off."""
    code = call.find("promotion_code")
    changes = call.params.given({"active": call.params.flag})
    changes["metadata"] = call.metadata(code["metadata"])
    return call.account.change(code, changes, "promotion_code.updated")


def list_codes(call: Call) -> Json:
    """List promotion codes."""
    params = call.params
    wanted = params.given({"active": params.flag, "code": params.text, "customer": params.text})
    found = call.account.where("promotion_code", **wanted)
    coupon = params.text("coupon")
    if coupon:
        found = [each for each in found if each["promotion"]["coupon"] == coupon]
    return call.page(found, "/v1/promotion_codes")


def delete_discount_of_customer(call: Call) -> Json:
    """Remove the discount of a customer."""
    customer = call.find("customer")
    discount = customer["discount"]
    if discount is None:
        raise StripeError(404, "No active discount for customer.", code="resource_missing")
    call.account.change(customer, {"discount": None}, "customer.updated")
    return {**discount, "deleted": True}


def delete_discount_of_subscription(call: Call) -> Json:
    """Remove the discounts of a subscription."""
    subscription = call.find("subscription")
    if not subscription["discounts"]:
        raise StripeError(404, "No active discount for subscription.", code="resource_missing")
    discount = call.account.find("discount", subscription["discounts"][-1])
    call.account.change(subscription, {"discounts": []}, "customer.subscription.updated")
    return {**discount, "deleted": True}


ROUTES = [
    Route("POST", "/v1/coupons", create_coupon),
    Route("GET", "/v1/coupons", list_coupons),
    Route("GET", "/v1/coupons/{}", retrieve_coupon),
    Route("POST", "/v1/coupons/{}", update_coupon),
    Route("DELETE", "/v1/coupons/{}", delete_coupon),
    Route("POST", "/v1/promotion_codes", create_code),
    Route("GET", "/v1/promotion_codes", list_codes),
    Route("GET", "/v1/promotion_codes/{}", retrieve_code),
    Route("POST", "/v1/promotion_codes/{}", update_code),
    Route("DELETE", "/v1/customers/{}/discount", delete_discount_of_customer),
    Route("DELETE", "/v1/subscriptions/{}/discount", delete_discount_of_subscription),
]
