"""Coupons, promotion codes and what they take off."""

from devstack.stripe.account import Account
from devstack.stripe.billing.periods import later
from devstack.stripe.errors import StripeError, invalid
from devstack.stripe.store import Json


def is_valid(account: Account, coupon: Json) -> bool:
    """Return whether a coupon can still be redeemed."""
    most, until = coupon["max_redemptions"], coupon["redeem_by"]
    if most is not None and coupon["times_redeemed"] >= most:
        return False
    return until is None or until > account.now()


def coupon_of_code(account: Account, code: Json, customer: str | None) -> Json:
    """Return the coupon of a promotion code.

    Raises:
        StripeError: the customer cannot use the code.
    """
    most, until = code["max_redemptions"], code["expires_at"]
    used_up = most is not None and code["times_redeemed"] >= most
    expired = until is not None and until <= account.now()
    coupon = account.find("coupon", code["promotion"]["coupon"], "promotion_code")
    if not code["active"] or used_up or expired or not is_valid(account, coupon):
        raise StripeError(
            400, "This promotion code is expired or inactive.", code="promotion_code_inactive"
        )
    if code["customer"] not in (None, customer):
        raise invalid("This promotion code is for another customer.", "promotion_code")
    if code["restrictions"]["first_time_transaction"] and customer:
        paid = account.where("charge", customer=customer, paid=True)
        if paid:
            raise StripeError(
                400,
                "This promotion code cannot be redeemed because the associated customer has "
                "prior transactions.",
                code="customer_has_prior_transactions",
            )
    return coupon


def start_discount(
    account: Account,
    *,
    customer: str | None,
    coupon: Json | None = None,
    code: Json | None = None,
    subscription: Json | None = None,
    checkout_session: str | None = None,
) -> Json:
    """Redeem a coupon or a promotion code.

    Raises:
        StripeError: it cannot be redeemed.
    """
    if code is not None:
        coupon = coupon_of_code(account, code, customer)
        account.change(code, {"times_redeemed": code["times_redeemed"] + 1})
    if coupon is None:
        raise invalid("A discount needs a coupon or a promotion code.", "discounts")
    if not is_valid(account, coupon):
        raise StripeError(
            400, f"Coupon expired: {coupon['id']}", code="coupon_expired", param="coupon"
        )
    redeemed = coupon["times_redeemed"] + 1
    account.change(coupon, {"times_redeemed": redeemed})
    account.change(coupon, {"valid": is_valid(account, coupon)})
    owner = subscription or account.store.get(customer) or {}
    start = account.now(owner.get("test_clock"))
    months = coupon["duration_in_months"]
    return account.add(
        {
            "id": account.new_id("di"),
            "object": "discount",
            "checkout_session": checkout_session,
            "customer": customer,
            "end": later(start, "month", months) if months else None,
            "invoice": None,
            "invoice_item": None,
            "promotion_code": code["id"] if code else None,
            "source": {"coupon": coupon["id"], "type": "coupon"},
            "start": start,
            "subscription": subscription["id"] if subscription else None,
            "subscription_item": None,
        }
    )


def active(account: Account, discounts: list[str], moment: int) -> list[tuple[Json, Json]]:
    """Return the discounts that apply at a time, each with its coupon."""
    found = []
    for each in discounts:
        discount = account.store.get(each)
        coupon = account.store.get(discount["source"]["coupon"]) if discount else None
        if discount and coupon and (discount["end"] is None or discount["end"] > moment):
            found.append((discount, coupon))
    return found


def applies(coupon: Json, product: str) -> bool:
    """Return whether a coupon is for a product."""
    products = (coupon.get("applies_to") or {}).get("products")
    return not products or product in products


def share(amounts: list[int], coupon: Json) -> list[int]:
    """Return how much a coupon takes off each amount."""
    if coupon["percent_off"] is not None:
        return [round(amount * coupon["percent_off"] / 100) for amount in amounts]
    total = sum(amounts)
    off = min(coupon["amount_off"], total)
    shares = []
    for amount in amounts:
        # What is left goes to what is left, so that the shares add up to the unit.
        part = round(off * amount / total) if total else 0
        shares.append(part)
        off, total = off - part, total - amount
    return shares
