"""Stripe is down, slow or busy: an error with a code, no second payment, and no event lost."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from app.core.settings import load_settings
from app.extensions.billing.errors import StripeUnavailableError
from app.extensions.billing.models import subscriptions
from tests.extensions.billing.shop import API, Shop
from tests.support.people import SignIn

DOWN = [
    {"kind": "drop"},
    {"kind": "error", "status": 503},
    {"kind": "rate_limit"},
    {"seconds": 0.6},
]
IDS = ["dropped", "503", "429", "slow"]


@pytest.fixture
def impatient(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BILLING_TIMEOUT_SECONDS", "0.3")
    load_settings.cache_clear()
    # The pauses between the tries of the library: all of them together are longer than `slow`.
    monkeypatch.setattr("stripe.HTTPClient.INITIAL_DELAY", 0.15)
    monkeypatch.setattr("stripe.HTTPClient.MAX_DELAY", 0.3)


@contextmanager
def hasty(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Give up at once, in an outage that no try survives; without it, requests have their time."""
    with monkeypatch.context() as patch:
        patch.setenv("BILLING_TIMEOUT_SECONDS", "0.3")
        load_settings.cache_clear()
        patch.setattr("stripe.HTTPClient.INITIAL_DELAY", 0.01)
        patch.setattr("stripe.HTTPClient.MAX_DELAY", 0.01)
        yield
    load_settings.cache_clear()


@pytest.mark.parametrize("fault", DOWN, ids=IDS)
async def test_a_request_says_that_stripe_is_not_available(
    shop: Shop, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch, fault: dict[str, Any]
) -> None:
    person = await sign_in()
    shop.control("faults", path="/v1/.*", times=None, **fault)
    with hasty(monkeypatch):
        answer = await shop.api.post(
            f"{API}/subscription", json={"price": "pro_monthly"}, headers=person.headers
        )
    assert (answer.status_code, answer.json()["code"]) == (503, "stripe_unavailable")
    assert answer.headers["retry-after"]
    # The plan does not need Stripe.
    assert (await shop.plan(person.headers))["plan"] == "free"


@pytest.mark.parametrize("fault", DOWN, ids=IDS)
async def test_a_short_outage_is_not_noticed(
    shop: Shop, sign_in: SignIn, impatient: None, fault: dict[str, Any]
) -> None:
    person = await sign_in()
    shop.control("faults", path="/v1/customers", times=1, **fault)
    await shop.subscribe(person.headers, "pro_monthly")
    await shop.deliver()
    assert (await shop.plan(person.headers))["plan"] == "pro"
    assert len(shop.v1.customers.list().data) == 1


@pytest.mark.parametrize("fault", DOWN, ids=IDS)
async def test_an_event_waits_for_stripe(
    shop: Shop, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch, fault: dict[str, Any]
) -> None:
    person = await sign_in()
    await shop.subscribe(person.headers, "pro_monthly")
    found = shop.events()
    shop.control("faults", path="/v1/(?!events).*", times=None, **fault)
    with hasty(monkeypatch):
        for event in found:
            assert (await shop.send(event)).status_code == 204
            with pytest.raises(StripeUnavailableError):
                await shop.process(event.id)
            await shop.session.rollback()
    assert {*await shop.waiting()} == {event.id for event in found}
    shop.clear_faults()
    for event in found:
        await shop.process(event.id)
    assert (await shop.plan(person.headers))["plan"] == "pro"


async def test_a_change_whose_answer_is_lost_is_made_once(
    shop: Shop, sign_in: SignIn, impatient: None
) -> None:
    person = await sign_in()
    await shop.subscribe(person.headers, "basic_monthly")
    await shop.deliver()
    shop.control("faults", path="/v1/subscriptions/.*", method="POST", kind="lost", times=2)
    answer = await shop.api.patch(
        f"{API}/subscription", json={"price": "pro_monthly"}, headers=person.headers
    )
    assert answer.status_code == 200, answer.text
    await shop.deliver()
    assert len(shop.v1.invoices.list().data) == 2
    (row,) = await shop.rows(subscriptions, person.id)
    assert row["price"] == "pro_monthly"


async def test_nothing_is_sold_without_a_key(
    shop: Shop, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = await sign_in()
    monkeypatch.setenv("BILLING_STRIPE_KEY", "")
    load_settings.cache_clear()
    answer = await shop.api.post(
        f"{API}/subscription", json={"price": "pro_monthly"}, headers=person.headers
    )
    assert (answer.status_code, answer.json()["code"]) == (403, "billing_not_set_up")
    assert (await shop.plan(person.headers))["plan"] == "free"
