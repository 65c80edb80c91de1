"""Events, and the endpoints that they are sent to."""

import fnmatch
import secrets

from devstack.stripe.calls import Call, Route
from devstack.stripe.errors import StripeError, invalid
from devstack.stripe.store import Json


def retrieve(call: Call) -> Json:
    """Return an event."""
    return call.find("event")


def list_all(call: Call) -> Json:
    """List events, newest first, of one type, of several types or of a pattern."""
    params = call.params
    found = call.account.where("event")
    kind, kinds = params.text("type"), params.texts("types")
    if kind:
        found = [each for each in found if fnmatch.fnmatchcase(each["type"], kind)]
    if kinds:
        found = [each for each in found if each["type"] in kinds]
    if params.has("delivery_success"):
        wanted = params.flag("delivery_success")
        found = [each for each in found if (each["pending_webhooks"] == 0) == wanted]
    return call.page(found, "/v1/events")


def _url(value: str) -> str:
    if not value.startswith(("http://", "https://")):
        raise StripeError(400, "Not a valid URL", code="url_invalid", param="url")
    return value


def create_endpoint(call: Call) -> Json:
    """Create a webhook endpoint. Only this answer has its signing secret."""
    account, params = call.account, call.params
    events = params.texts("enabled_events")
    if not events:
        raise StripeError(
            400,
            "Missing required param: enabled_events.",
            code="parameter_missing",
            param="enabled_events",
        )
    params.ignore("connect")
    endpoint = account.store.add(
        {
            "id": account.new_id("we"),
            "object": "webhook_endpoint",
            "api_version": params.text("api_version"),
            "application": None,
            "created": account.now(),
            "description": params.text("description"),
            "enabled_events": events,
            "livemode": False,
            "metadata": call.metadata(),
            "status": "enabled",
            "url": _url(params.required("url")),
            "_secret": f"whsec_{secrets.token_hex(16)}",
        }
    )
    return {**endpoint, "secret": endpoint["_secret"]}


def retrieve_endpoint(call: Call) -> Json:
    """Return a webhook endpoint."""
    return call.find("webhook_endpoint")


def update_endpoint(call: Call) -> Json:
    """Change a webhook endpoint."""
    endpoint, params = call.find("webhook_endpoint"), call.params
    changes = params.given({"description": params.text, "enabled_events": params.texts})
    if params.has("url"):
        changes["url"] = _url(params.required("url"))
    if params.has("disabled"):
        changes["status"] = "disabled" if params.flag("disabled") else "enabled"
    if "enabled_events" in changes and not changes["enabled_events"]:
        raise invalid("You must pass at least one event.", "enabled_events")
    changes["metadata"] = call.metadata(endpoint["metadata"])
    return call.account.change(endpoint, changes)


def delete_endpoint(call: Call) -> Json:
    """Delete a webhook endpoint."""
    endpoint = call.find("webhook_endpoint")
    call.account.store.delete(endpoint)
    return {"id": endpoint["id"], "object": "webhook_endpoint", "deleted": True}


def list_endpoints(call: Call) -> Json:
    """List webhook endpoints."""
    return call.page(call.account.where("webhook_endpoint"), "/v1/webhook_endpoints")


ROUTES = [
    Route("GET", "/v1/events", list_all),
    Route("GET", "/v1/events/{}", retrieve),
    Route("POST", "/v1/webhook_endpoints", create_endpoint),
    Route("GET", "/v1/webhook_endpoints", list_endpoints),
    Route("GET", "/v1/webhook_endpoints/{}", retrieve_endpoint),
    Route("POST", "/v1/webhook_endpoints/{}", update_endpoint),
    Route("DELETE", "/v1/webhook_endpoints/{}", delete_endpoint),
]
