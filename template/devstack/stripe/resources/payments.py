"""Payment intents, charges and balance transactions."""

from devstack.stripe.billing.methods import attach, method_of
from devstack.stripe.billing.payments import cancel_intent, confirm_intent, create_intent
from devstack.stripe.calls import Call, Route
from devstack.stripe.errors import StripeError, invalid
from devstack.stripe.store import Json

IGNORED = (
    "automatic_payment_methods",
    "confirmation_method",
    "error_on_requires_action",
    "payment_method_options",
    "payment_method_types",
    "return_url",
    "shipping",
    "statement_descriptor",
    "statement_descriptor_suffix",
)


def create(call: Call) -> Json:
    """Create a payment intent, and confirm it if the request says so."""
    account, params = call.account, call.params
    params.ignore(*IGNORED)
    params.choice("capture_method", ("automatic", "automatic_async"))
    amount = params.integer("amount", least=1)
    if amount is None:
        raise StripeError(
            400, "Missing required param: amount.", code="parameter_missing", param="amount"
        )
    intent = create_intent(
        account,
        amount=amount,
        currency=params.required("currency").lower(),
        customer=call.referred("customer", "customer"),
        description=params.text("description"),
        metadata=call.metadata(),
        receipt_email=params.text("receipt_email"),
        setup_future_usage=params.choice("setup_future_usage", ("off_session", "on_session")),
    )
    _set_method(call, intent)
    if params.flag("confirm"):
        _confirm(call, intent)
    return intent


def _set_method(call: Call, intent: Json) -> None:
    identity = call.params.text("payment_method")
    if identity is not None:
        method = method_of(call.account, identity)
        call.account.change(
            intent, {"payment_method": method["id"], "status": "requires_confirmation"}
        )


def _confirm(call: Call, intent: Json) -> None:
    account = call.account
    if intent["payment_method"] is None:
        raise invalid(
            "You cannot confirm this PaymentIntent because it's missing a payment method.",
            code="payment_intent_unexpected_state",
        )
    method = account.find("payment_method", intent["payment_method"], "payment_method")
    off_session = call.params.flag("off_session")
    confirm_intent(account, intent, method, off_session=off_session)
    if intent["setup_future_usage"] and intent["customer"]:
        attach(account, method, account.find("customer", intent["customer"]))


def confirm(call: Call) -> Json:
    """Confirm a payment intent."""
    intent = call.find("payment_intent")
    call.params.ignore(*IGNORED)
    _set_method(call, intent)
    _confirm(call, intent)
    return intent


def update(call: Call) -> Json:
    """Change a payment intent."""
    intent, params = call.find("payment_intent"), call.params
    changes = params.given({"amount": params.integer, "description": params.text})
    changes["metadata"] = call.metadata(intent["metadata"])
    _set_method(call, intent)
    return call.account.change(intent, changes)


def cancel(call: Call) -> Json:
    """Cancel a payment intent."""
    reason = call.params.text("cancellation_reason")
    return cancel_intent(call.account, call.find("payment_intent"), reason)


def retrieve(call: Call) -> Json:
    """Return a payment intent."""
    call.params.ignore("client_secret")
    return call.find("payment_intent")


def list_intents(call: Call) -> Json:
    """List payment intents."""
    wanted = call.params.given({"customer": call.params.text})
    return call.page(call.account.where("payment_intent", **wanted), "/v1/payment_intents")


def retrieve_charge(call: Call) -> Json:
    """Return a charge."""
    return call.find("charge")


def update_charge(call: Call) -> Json:
    """Change a charge."""
    charge, params = call.find("charge"), call.params
    changes = params.given({"description": params.text, "receipt_email": params.text})
    changes["metadata"] = call.metadata(charge["metadata"])
    return call.account.change(charge, changes, "charge.updated")


def list_charges(call: Call) -> Json:
    """List charges."""
    params = call.params
    wanted = params.given({"customer": params.text, "payment_intent": params.text})
    return call.page(call.account.where("charge", **wanted), "/v1/charges")


def retrieve_transaction(call: Call) -> Json:
    """Return a balance transaction."""
    return call.find("balance_transaction")


def list_transactions(call: Call) -> Json:
    """List balance transactions."""
    params = call.params
    wanted = params.given({"source": params.text, "type": params.text, "currency": params.text})
    found = call.account.where("balance_transaction", **wanted)
    return call.page(found, "/v1/balance_transactions")


ROUTES = [
    Route("POST", "/v1/payment_intents", create),
    Route("GET", "/v1/payment_intents", list_intents),
    Route("GET", "/v1/payment_intents/{}", retrieve),
    Route("POST", "/v1/payment_intents/{}", update),
    Route("POST", "/v1/payment_intents/{}/confirm", confirm),
    Route("POST", "/v1/payment_intents/{}/cancel", cancel),
    Route("GET", "/v1/charges", list_charges),
    Route("GET", "/v1/charges/{}", retrieve_charge),
    Route("POST", "/v1/charges/{}", update_charge),
    Route("GET", "/v1/balance_transactions", list_transactions),
    Route("GET", "/v1/balance_transactions/{}", retrieve_transaction),
]
