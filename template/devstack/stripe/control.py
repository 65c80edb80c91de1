"""What Stripe has only on its dashboard, or not at all: time, failures, deliveries, disputes.

Requests are JSON. They need a secret key, or the header of the overview page, which a page of
another site cannot send.
"""

from dataclasses import fields
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from devstack.stripe.account import Account
from devstack.stripe.billing.reactions import close_dispute, dispute, warn_of_fraud
from devstack.stripe.errors import StripeError, invalid
from devstack.stripe.faults import Fault
from devstack.stripe.rendering import render
from devstack.stripe.services import Services, services
from devstack.stripe.store import Json

OWN_HEADER = "x-local-stripe"
OWN_ENDPOINT = "The application of this dev stack"
AFTER_LAST = ("cancel", "unpaid", "past_due")


def own_endpoint(account: Account) -> Json:
    """Return a webhook endpoint for all events."""
    return {
        "id": account.new_id("we"),
        "object": "webhook_endpoint",
        "api_version": None,
        "application": None,
        "created": account.now(),
        "description": OWN_ENDPOINT,
        "enabled_events": ["*"],
        "livemode": False,
        "metadata": {},
    }


async def _opened(request: Request) -> tuple[Services, dict[str, Any]]:
    """Check that a request may control the server, and return its JSON."""
    found = services(request)
    if OWN_HEADER not in request.headers:
        found.api.check_key(request)
    body = await request.json() if await request.body() else {}
    if not isinstance(body, dict):
        raise invalid("The body must be a JSON object.")
    return found, body


async def get_faults(request: Request) -> Response:
    """List the faults."""
    found, _ = await _opened(request)
    return JSONResponse(found.api.faults.shown())


async def add_fault(request: Request) -> Response:
    """Add a fault, with the fields of `faults.Fault`."""
    found, body = await _opened(request)
    unknown = set(body) - {each.name for each in fields(Fault)} | ({"met"} & set(body))
    if unknown:
        raise invalid(f"A fault has no {min(unknown)}.")
    found.api.faults.add(Fault(**body))
    return JSONResponse(found.api.faults.shown(), 201)


async def clear_faults(request: Request) -> Response:
    """Remove all faults."""
    found, _ = await _opened(request)
    found.api.faults.clear()
    return Response(status_code=204)


async def get_webhooks(request: Request) -> Response:
    """Return how events are delivered, and how many deliveries wait."""
    found, _ = await _opened(request)
    waiting = found.deliveries.pending()
    return JSONResponse({**found.deliveries.settings(), "pending": len(waiting)})


async def set_webhooks(request: Request) -> Response:
    """Change how events are delivered: held, copies, newest_first."""
    found, body = await _opened(request)
    for name, value in body.items():
        if name not in found.deliveries.settings():
            raise invalid(f"Deliveries have no {name}.")
        setattr(found.deliveries, name, value)
    found.deliveries.wake()
    return JSONResponse(found.deliveries.settings())


async def deliver(request: Request) -> Response:
    """Deliver an event again."""
    found, _ = await _opened(request)
    found.deliveries.repeat(found.account.find("event", request.path_params["id"]))
    return Response(status_code=204)


async def advance(request: Request) -> Response:
    """Move the time of all customers without a test clock, by a number of seconds."""
    found, body = await _opened(request)
    seconds = body.get("seconds")
    if not isinstance(seconds, int) or seconds <= 0:
        raise invalid("`seconds` must be a positive whole number.", "seconds")
    await found.timekeeper.advance(seconds)
    return JSONResponse({"now": found.account.now()})


async def set_settings(request: Request) -> Response:
    """Change what happens after the last attempt to collect an invoice."""
    found, body = await _opened(request)
    choice = body.get("after_last_attempt")
    if choice not in AFTER_LAST:
        raise invalid(f"Use one of {', '.join(AFTER_LAST)}.", "after_last_attempt")
    account = found.account
    with account.store.transaction():
        account.change_meta(settings={**account.settings, "after_last_attempt": choice})
    return JSONResponse(account.settings)


async def add_dispute(request: Request) -> Response:
    """Dispute a charge, as the bank of its payer does."""
    found, body = await _opened(request)
    account = found.account
    with account.store.transaction() as changed:
        charge = account.find("charge", request.path_params["id"])
        added = dispute(account, charge, inquiry=bool(body.get("inquiry")))
    found.agenda.add(changed)
    found.deliveries.wake()
    return JSONResponse(render(account.store, added), 201)


async def add_warning(request: Request) -> Response:
    """Warn of fraud with a charge."""
    found, _ = await _opened(request)
    account = found.account
    with account.store.transaction():
        added = warn_of_fraud(account, account.find("charge", request.path_params["id"]))
    found.deliveries.wake()
    return JSONResponse(render(account.store, added), 201)


async def decide(request: Request) -> Response:
    """Decide a dispute: `won` is true or false."""
    found, body = await _opened(request)
    account = found.account
    with account.store.transaction():
        known = account.find("dispute", request.path_params["id"])
        decided = close_dispute(account, known, won=bool(body.get("won")))
    found.deliveries.wake()
    return JSONResponse(render(account.store, decided))


def error_response(_: Request, error: Exception) -> Response:
    """Return the answer for an error."""
    if not isinstance(error, StripeError):
        raise error
    return JSONResponse(error.body, error.status)


ROUTES = [
    Route("/_local/faults", get_faults),
    Route("/_local/faults", add_fault, methods=["POST"]),
    Route("/_local/faults", clear_faults, methods=["DELETE"]),
    Route("/_local/webhooks", get_webhooks),
    Route("/_local/webhooks", set_webhooks, methods=["POST"]),
    Route("/_local/events/{id}/deliver", deliver, methods=["POST"]),
    Route("/_local/advance", advance, methods=["POST"]),
    Route("/_local/settings", set_settings, methods=["POST"]),
    Route("/_local/charges/{id}/dispute", add_dispute, methods=["POST"]),
    Route("/_local/charges/{id}/fraud_warning", add_warning, methods=["POST"]),
    Route("/_local/disputes/{id}/decide", decide, methods=["POST"]),
]
