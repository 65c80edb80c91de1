"""Deliveries of events, whose signatures Stripe's own library checks."""

import json
import time

import pytest
import stripe

from devstack.stripe.deliveries import signature
from tests.devstack.local_stripe.sink import Sink
from tests.devstack.local_stripe.world import World


@pytest.fixture
def listening(world: World, sink: Sink) -> World:
    """With an endpoint for the events of customers."""
    kinds = ["customer.created", "customer.updated", "customer.deleted"]
    endpoint = world.api.webhook_endpoints.create({"url": sink.url, "enabled_events": kinds})
    sink.secret = endpoint.secret
    return world


def pending(world: World) -> int:
    return int(world.control("GET", "webhooks")["pending"])


def test_events_arrive_signed_and_in_their_order(listening: World, sink: Sink) -> None:
    customer = listening.customer(card=None)
    listening.api.customers.update(customer.id, {"name": "Ada"})
    listening.price()
    listening.wait(lambda: len(sink.events) == 2)
    assert sink.types == ["customer.created", "customer.updated"]
    assert sink.refused == []
    event = sink.events[1]
    assert event.data.object["name"] == "Ada"
    before = event.data.previous_attributes
    assert before is not None
    assert before.to_dict() == {"name": None}
    listening.wait(lambda: pending(listening) == 0)
    stored = listening.api.events.retrieve(event.id)
    assert (stored.type, stored.pending_webhooks) == ("customer.updated", 0)
    assert stored.request.id


def test_a_wrong_secret_or_an_old_signature_is_refused() -> None:
    body, secret = b'{"object": "event"}', "whsec_local"
    for moment, key in ((int(time.time()), "other"), (int(time.time()) - 3600, secret)):
        with pytest.raises(stripe.SignatureVerificationError):
            stripe.Webhook.construct_event(body, signature(secret, body, moment), key)


def test_a_secret_is_shown_once(listening: World) -> None:
    endpoint = listening.api.webhook_endpoints.list().data[0]
    assert "secret" not in endpoint


def test_a_failed_delivery_is_repeated(listening: World, sink: Sink) -> None:
    sink.answers = [500, 302, 503]
    listening.customer(card=None)
    listening.wait(lambda: len(sink.events) == 4)
    assert len({each.id for each in sink.events}) == 1
    listening.wait(lambda: pending(listening) == 0)


def test_deliveries_are_given_up_and_can_be_repeated_by_hand(listening: World, sink: Sink) -> None:
    sink.answers = [500] * 4
    listening.customer(card=None)
    listening.wait(lambda: len(sink.events) == 4 and pending(listening) == 0)
    event = sink.events[0]
    assert listening.api.events.retrieve(event.id).pending_webhooks == 1
    failed = listening.api.events.list({"delivery_success": False}).data
    assert [each.id for each in failed] == [event.id]
    listening.control("POST", f"events/{event.id}/deliver")
    listening.wait(lambda: listening.api.events.retrieve(event.id).pending_webhooks == 0)
    assert len(sink.events) == 5


def test_deliveries_can_be_held_doubled_and_turned_around(listening: World, sink: Sink) -> None:
    listening.control("POST", "webhooks", {"held": True, "copies": 2, "newest_first": True})
    customer = listening.customer(card=None)
    listening.api.customers.delete(customer.id)
    assert pending(listening) == 2
    assert sink.events == []
    listening.control("POST", "webhooks", {"held": False})
    listening.wait(lambda: len(sink.events) == 4)
    assert sink.types == ["customer.deleted"] * 2 + ["customer.created"] * 2


def test_a_disabled_endpoint_gets_nothing(listening: World, sink: Sink) -> None:
    endpoint = listening.api.webhook_endpoints.list().data[0]
    changed = listening.api.webhook_endpoints.update(endpoint.id, {"disabled": True})
    assert changed.status == "disabled"
    listening.customer(card=None)
    assert pending(listening) == 0
    listening.api.webhook_endpoints.delete(endpoint.id)
    assert listening.api.webhook_endpoints.list().data == []


def test_an_event_keeps_what_the_object_was(world: World) -> None:
    customer = world.customer(card=None)
    world.api.customers.update(customer.id, {"name": "Ada"})
    created = world.api.events.list({"types": ["customer.created"]}).data[0]
    assert created.data.object.name is None
    assert json.loads(str(created))["object"] == "event"
    assert world.events("customer.") == ["customer.created", "customer.updated"]
    # A change that changes nothing is no event.
    world.api.customers.update(customer.id, {"name": "Ada"})
    assert len(world.events("customer.updated")) == 1
