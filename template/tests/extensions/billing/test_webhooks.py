"""The webhook: signed, stored once with its task, and never lost."""

import json
import time
from typing import Any

import pytest
import stripe
from sqlmodel import select

from app.core.settings import load_settings
from app.core.tasks.models import TaskRecord
from app.extensions.billing import webhooks
from app.extensions.billing.models import events
from app.extensions.billing.service import books
from tests.extensions.billing.shop import HOOK, SECRET, Shop
from tests.support.people import SignIn

OTHER = "_".join(("whsec", "another"))


def event(**changes: Any) -> dict[str, Any]:
    made: dict[str, Any] = {
        "id": "evt_1",
        "object": "event",
        "type": "invoice.paid",
        "created": 1_700_000_000,
        "livemode": False,
        "data": {"object": {"id": "in_1"}},
    }
    return made | changes


async def tasks(shop: Shop) -> list[Any]:
    found = await shop.session.exec(
        select(TaskRecord.arguments).where(TaskRecord.name == "billing.process")
    )
    return [*found]


async def test_an_event_is_stored_once_with_its_task(shop: Shop) -> None:
    for _ in range(3):
        assert (await shop.send(event())).status_code == 204
    (row,) = await shop.rows(events)
    assert (row["type"], row["object_id"], row["processed_at"]) == ("invoice.paid", "in_1", None)
    assert await tasks(shop) == [{"event_id": "evt_1"}]
    shop.stuck.add("evt_1")


@pytest.mark.parametrize(
    ("age", "secret", "status"),
    [(0, SECRET, 204), (290, SECRET, 204), (310, SECRET, 401), (0, OTHER, 401)],
)
async def test_only_new_signatures_of_our_secret_count(
    shop: Shop, age: int, secret: str, status: int
) -> None:
    answer = await shop.send(event(type="customer.created"), age=age, secret=secret)
    assert answer.status_code == status
    if status == 401:
        assert answer.json()["code"] == "invalid_signature"


async def test_the_signature_is_that_of_the_bytes(shop: Shop) -> None:
    body = json.dumps(event(), indent=3)
    signature = stripe.WebhookSignature.generate_signature_header(body, SECRET, int(time.time()))
    for sent in (json.dumps(event()), f"{body} ", body.replace("in_1", "in_2"), "\xff", ""):
        answer = await shop.api.post(
            HOOK, content=sent.encode("latin-1"), headers={"Stripe-Signature": signature}
        )
        assert answer.status_code == 401, sent
    for header in ({}, {"Stripe-Signature": "t=x,v1="}, {"Stripe-Signature": signature[:-2]}):
        assert (await shop.api.post(HOOK, content=body, headers=header)).status_code == 401
    assert await shop.rows(events) == []


async def test_two_secrets_are_valid_while_one_is_replaced(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BILLING_WEBHOOK_SECRET", f"{OTHER}|{SECRET}")
    load_settings.cache_clear()
    for secret in (OTHER, SECRET):
        assert (await shop.send(event(type="ping"), secret=secret)).status_code == 204


async def test_nothing_is_accepted_without_a_secret(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BILLING_WEBHOOK_SECRET", "")
    load_settings.cache_clear()
    answer = await shop.send(event())
    assert (answer.status_code, answer.json()["code"]) == (403, "webhook_not_set_up")


@pytest.mark.parametrize("ignored", [{"livemode": True}, {"type": "product.created"}])
async def test_events_of_others_are_not_stored(shop: Shop, ignored: dict[str, Any]) -> None:
    assert (await shop.send(event(**ignored))).status_code == 204
    assert await shop.rows(events) == []


@pytest.mark.parametrize("lacking", ["id", "type", "data", "livemode", "created"])
async def test_what_is_no_event_is_refused(shop: Shop, lacking: str) -> None:
    body = event()
    del body[lacking]
    assert (await shop.send(body)).status_code == 400
    assert await shop.rows(events) == []


async def test_stripe_sends_again_what_could_not_be_stored(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object) -> None:
        raise RuntimeError

    with monkeypatch.context() as patch:
        patch.setattr(webhooks, "start_processing", fail)
        assert (await shop.send(event())).status_code == 500
    assert await shop.rows(events) == []
    assert (await shop.send(event())).status_code == 204
    assert await tasks(shop) == [{"event_id": "evt_1"}]
    shop.stuck.add("evt_1")


async def test_an_exception_leaves_the_event_unprocessed(
    shop: Shop, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = await sign_in()
    await shop.subscribe(person.headers, "pro_monthly")
    (paid,) = shop.events("invoice.paid")
    assert (await shop.send(paid)).status_code == 204

    async def fail(*_: object, **__: object) -> None:
        raise RuntimeError

    with monkeypatch.context() as patch:
        patch.setattr(books, "write_invoice", fail)
        with pytest.raises(RuntimeError):
            await shop.process(paid.id)
    await shop.session.rollback()
    assert await shop.waiting() == [paid.id]
    assert (await shop.plan(person.headers))["plan"] == "free"  # not half of it either
    assert await shop.process(paid.id)
    assert (await shop.plan(person.headers))["plan"] == "pro"
