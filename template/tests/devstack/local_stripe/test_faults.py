"""Failures on purpose, as the retries of Stripe's own library meet them."""

import time
from typing import Any

import pytest
import stripe

from tests.devstack.local_stripe.world import KEY, World

CREATE = {"path": "/v1/customers", "method": "POST"}


@pytest.fixture
def patient(world: World) -> Any:
    """The library with retries, which carry an idempotency key of their own."""
    client = stripe.StripeClient(KEY, base_addresses={"api": world.url}, max_network_retries=2)
    return client.v1


@pytest.mark.parametrize("kind", ["error", "rate_limit", "lock_timeout", "drop", "lost"])
def test_a_retry_succeeds_and_nothing_happens_twice(world: World, patient: Any, kind: str) -> None:
    world.control("POST", "faults", {**CREATE, "kind": kind})
    customer = patient.customers.create({"email": "ada@example.com"})
    assert [each.id for each in world.api.customers.list().data] == [customer.id]
    assert world.control("GET", "faults")[0]["met"] == 2


def test_a_lost_answer_has_done_its_work(world: World) -> None:
    world.control("POST", "faults", {**CREATE, "kind": "lost"})
    with pytest.raises(stripe.APIConnectionError):
        world.api.customers.create({"email": "ada@example.com"})
    assert len(world.api.customers.list().data) == 1


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        ({"kind": "drop"}, None),
        ({"kind": "rate_limit"}, 429),
        ({"kind": "error", "status": 503}, 503),
    ],
)
def test_a_refused_request_has_done_nothing(
    world: World, fault: dict[str, Any], status: int | None
) -> None:
    world.control("POST", "faults", {**CREATE, **fault, "times": None, "after": 1})
    world.api.customers.create({"email": "first@example.com"})
    for _ in range(2):
        with pytest.raises(stripe.StripeError) as refused:
            world.api.customers.create({"email": "ada@example.com"})
        assert refused.value.http_status == status
    world.control("DELETE", "faults")
    world.api.customers.create({"email": "last@example.com"})
    found = [each.email for each in world.api.customers.list().data]
    assert found == ["last@example.com", "first@example.com"]


def test_a_slow_answer(world: World) -> None:
    world.control("POST", "faults", {**CREATE, "seconds": 0.3})
    started = time.monotonic()
    world.api.customers.create({"email": "ada@example.com"})
    assert time.monotonic() - started >= 0.3
