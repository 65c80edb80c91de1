"""Payment methods: cards only."""

from devstack.stripe.billing.methods import add_method, attach, detach, method_of
from devstack.stripe.calls import Call, Route
from devstack.stripe.cards import BY_NAME, BY_NUMBER
from devstack.stripe.errors import StripeError, invalid
from devstack.stripe.params import Params
from devstack.stripe.resources.customers import address
from devstack.stripe.store import Json

UNKNOWN = "Use one of Stripe's test cards, such as 4242424242424242 or the token tok_visa."


def billing_details(params: Params | None) -> Json:
    """Return name and addresses of the payer."""
    if params is None:
        return {"address": None, "email": None, "name": None, "phone": None, "tax_id": None}
    texts = ("email", "name", "phone", "tax_id")
    return {
        "address": address(params.child("address")),
        **{name: params.text(name) for name in texts},
    }


def create(call: Call) -> Json:
    """Create a payment method from a test card's token or number."""
    params = call.params
    params.choice("type", ("card",))
    given = params.child("card")
    if given is None:
        raise invalid(UNKNOWN, "card")
    given.ignore("exp_month", "exp_year", "cvc")
    token, number = given.text("token"), given.text("number")
    card = BY_NAME.get((token or "").removeprefix("tok_")) or BY_NUMBER.get(number or "")
    if card is None:
        raise StripeError(
            402, UNKNOWN, type="card_error", code="incorrect_number", param="card[number]"
        )
    method = add_method(call.account, card, billing_details(params.child("billing_details")))
    method["metadata"] = call.metadata()
    return method


def retrieve(call: Call) -> Json:
    """Return a payment method."""
    return call.find("payment_method")


def update(call: Call) -> Json:
    """Change the details of a payment method."""
    method = call.find("payment_method")
    call.params.ignore("card", "allow_redisplay")
    changes: Json = {"metadata": call.metadata(method["metadata"])}
    given = call.params.child("billing_details")
    if given is not None:
        changes["billing_details"] = billing_details(given)
    return call.account.change(method, changes, "payment_method.updated")


def attach_to_customer(call: Call) -> Json:
    """Attach a payment method to a customer; `pm_card_…` is copied first."""
    customer = call.account.find("customer", call.params.required("customer"), "customer")
    return attach(call.account, method_of(call.account, call.id), customer)


def detach_from_customer(call: Call) -> Json:
    """Detach a payment method."""
    return detach(call.account, call.find("payment_method"))


def _listed(call: Call, customer: str, url: str) -> Json:
    call.params.ignore("type", "allow_redisplay")
    return call.page(call.account.where("payment_method", customer=customer), url)


def list_all(call: Call) -> Json:
    """List the payment methods of a customer."""
    return _listed(call, call.params.required("customer"), "/v1/payment_methods")


def list_of_customer(call: Call) -> Json:
    """List the payment methods of the customer in the path."""
    customer = call.find("customer")["id"]
    return _listed(call, customer, f"/v1/customers/{customer}/payment_methods")


def retrieve_of_customer(call: Call) -> Json:
    """Return a payment method of the customer in the path."""
    return call.account.find("payment_method", call.ids[1])


ROUTES = [
    Route("POST", "/v1/payment_methods", create),
    Route("GET", "/v1/payment_methods", list_all),
    Route("GET", "/v1/payment_methods/{}", retrieve),
    Route("POST", "/v1/payment_methods/{}", update),
    Route("POST", "/v1/payment_methods/{}/attach", attach_to_customer),
    Route("POST", "/v1/payment_methods/{}/detach", detach_from_customer),
    Route("GET", "/v1/customers/{}/payment_methods", list_of_customer),
    Route("GET", "/v1/customers/{}/payment_methods/{}", retrieve_of_customer),
]
