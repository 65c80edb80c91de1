"""Refunds."""

from devstack.stripe.billing.balance import add_transaction
from devstack.stripe.billing.methods import card_of
from devstack.stripe.calls import Call, Route
from devstack.stripe.errors import StripeError, invalid
from devstack.stripe.store import Json

FAILS_AFTER = 3600
REASONS = ("duplicate", "fraudulent", "requested_by_customer")


def create(call: Call) -> Json:
    """Refund a charge, or the charge of a payment intent, wholly or in part."""
    account, params = call.account, call.params
    charge = _charge(call)
    left = charge["amount"] - charge["amount_refunded"]
    amount = params.integer("amount", left, least=1)
    if left == 0:
        raise StripeError(
            400, f"Charge {charge['id']} has already been refunded.", code="charge_already_refunded"
        )
    if charge["disputed"] and not _refundable(call, charge):
        raise StripeError(
            400, f"Charge {charge['id']} has been charged back.", code="charge_disputed"
        )
    if amount is None or amount > left:
        raise invalid(f"Refund amount ({amount}) is greater than unrefunded amount ({left}).")
    reason = params.choice("reason", REASONS)
    params.ignore("refund_application_fee", "reverse_transfer")
    refund = account.store.add(
        {
            "id": account.new_id("re"),
            "object": "refund",
            "amount": amount,
            "balance_transaction": None,
            "charge": charge["id"],
            "created": account.now(account.clock_of(charge)),
            "currency": charge["currency"],
            "destination_details": {
                "card": {
                    "reference_status": "pending",
                    "reference_type": "acquirer_reference_number",
                    "type": "refund",
                },
                "type": "card",
            },
            "metadata": call.metadata(),
            "payment_intent": charge["payment_intent"],
            "reason": reason,
            "receipt_number": None,
            "source_transfer_reversal": None,
            "status": "succeeded",
            "transfer_reversal": None,
            "_fails_at": _fails_at(call, charge),
        }
    )
    refund["balance_transaction"] = add_transaction(account, refund, "refund", -amount)
    account.emit("refund.created", refund)
    refunded = charge["amount_refunded"] + amount
    tell = account.watched(charge, "charge.refunded")
    account.change(charge, {"amount_refunded": refunded, "refunded": refunded == charge["amount"]})
    tell()
    return refund


def _charge(call: Call) -> Json:
    account = call.account
    intent = call.referred("payment_intent", "payment_intent")
    identity = intent["latest_charge"] if intent else call.params.required("charge")
    charge = account.find("charge", identity, "charge")
    if not charge["paid"]:
        raise invalid("This charge was not successful, so it cannot be refunded.", "charge")
    return charge


def _fails_at(call: Call, charge: Json) -> int | None:
    """Return when the refund fails, if the card is one for that."""
    method = call.account.store.get(charge["payment_method"])
    if method is None or not card_of(method).refund_fails:
        return None
    return call.account.now(call.account.clock_of(charge)) + FAILS_AFTER


def _refundable(call: Call, charge: Json) -> bool:
    disputes = call.account.where("dispute", charge=charge["id"])
    return all(each["is_charge_refundable"] or each["status"] == "won" for each in disputes)


def retrieve(call: Call) -> Json:
    """Return a refund."""
    return call.find("refund")


def update(call: Call) -> Json:
    """Change the metadata of a refund."""
    refund = call.find("refund")
    changes = {"metadata": call.metadata(refund["metadata"])}
    return call.account.change(refund, changes, "refund.updated")


def list_all(call: Call) -> Json:
    """List refunds."""
    params = call.params
    wanted = params.given({"charge": params.text, "payment_intent": params.text})
    return call.page(call.account.where("refund", **wanted), "/v1/refunds")


ROUTES = [
    Route("POST", "/v1/refunds", create),
    Route("GET", "/v1/refunds", list_all),
    Route("GET", "/v1/refunds/{}", retrieve),
    Route("POST", "/v1/refunds/{}", update),
]
