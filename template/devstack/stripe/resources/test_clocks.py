"""Test clocks: customers whose time a test moves."""

from devstack.stripe.calls import Call, Route
from devstack.stripe.errors import StripeError, invalid
from devstack.stripe.store import Json

KIND = "test_helpers.test_clock"
DAY = 86400
DELETED_AFTER = 30 * DAY
# Everything that lives by a clock, which is deleted with it.
OWNED = ("subscription", "invoice", "invoiceitem", "tax_id", "payment_method", "payment_intent")


def create(call: Call) -> Json:
    """Create a clock, which stands still."""
    account = call.account
    frozen = call.params.integer("frozen_time")
    if frozen is None:
        raise StripeError(
            400,
            "Missing required param: frozen_time.",
            code="parameter_missing",
            param="frozen_time",
        )
    now = account.now()
    return account.add(
        {
            "id": account.new_id("clock"),
            "object": KIND,
            "created": now,
            "deletes_after": now + DELETED_AFTER,
            "frozen_time": frozen,
            "livemode": False,
            "name": call.params.text("name"),
            "status": "ready",
            "status_details": {},
        },
        f"{KIND}.created",
    )


def retrieve(call: Call) -> Json:
    """Return a clock."""
    return call.find(KIND)


def advance(call: Call) -> Json:
    """Begin to move a clock; it is `ready` again when all that is due is done."""
    clock = call.find(KIND)
    target = call.params.integer("frozen_time")
    if target is None or target <= clock["frozen_time"]:
        raise invalid("Test clocks can only be advanced to a later time.", "frozen_time")
    if clock["status"] != "ready":
        raise StripeError(
            429,
            "This test clock is already advancing.",
            code="test_clock_advancing",
            param="id",
        )
    account = call.account
    account.change(
        clock,
        {
            "status": "advancing",
            "status_details": {"advancing": {"target_frozen_time": target}},
        },
    )
    account.emit(f"{KIND}.advancing", clock)
    return clock


def delete(call: Call) -> Json:
    """Delete a clock with its customers and all that is theirs."""
    account = call.account
    clock = call.find(KIND)
    for customer in account.where("customer", test_clock=clock["id"]):
        for kind in OWNED:
            for each in account.where(kind, customer=customer["id"]):
                account.store.delete(each)
        account.store.delete(customer)
    account.emit(f"{KIND}.deleted", clock)
    account.store.delete(clock)
    return {"id": clock["id"], "object": KIND, "deleted": True}


def list_all(call: Call) -> Json:
    """List clocks."""
    return call.page(call.account.where(KIND), "/v1/test_helpers/test_clocks")


ROUTES = [
    Route("POST", "/v1/test_helpers/test_clocks", create),
    Route("GET", "/v1/test_helpers/test_clocks", list_all),
    Route("GET", "/v1/test_helpers/test_clocks/{}", retrieve),
    Route("DELETE", "/v1/test_helpers/test_clocks/{}", delete),
    Route("POST", "/v1/test_helpers/test_clocks/{}/advance", advance),
]
