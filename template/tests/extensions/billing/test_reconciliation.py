"""What no webhook has told is found at night, and what failed is tried again."""

from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.database.models import utcnow
from app.core.tasks.models import TaskRecord
from app.extensions.billing import tasks
from app.extensions.billing.models import customers, events, invoices
from app.extensions.billing.service import reconciliation
from tests.extensions.billing.shop import Shop
from tests.support.people import SignIn


async def pages(shop: Shop) -> list[dict[str, Any]]:
    """Return the arguments of all enqueued tasks that read another page of events."""
    statement = (
        select(TaskRecord.arguments)
        .where(TaskRecord.name == "billing.reconcile_events")
        .order_by(col(TaskRecord.id))
    )
    return [*(await shop.session.exec(statement))]


async def night(shop: Shop) -> int:
    """Run the reconciliation; return how many events it has found."""
    done, missed = len(await pages(shop)), 0
    waiting: list[dict[str, Any]] = [{}]
    while waiting:
        missed += int(await tasks.reconcile_events.function(shop.session, **waiting.pop()))
        await shop.session.commit()
        waiting = (await pages(shop))[done:]
        done += len(waiting)
    for event_id in await shop.waiting():
        await shop.process(event_id)
    return missed


async def test_events_that_never_came_are_processed(shop: Shop, sign_in: SignIn) -> None:
    person = await sign_in()
    await shop.subscribe(person.headers, "pro_monthly")
    assert await night(shop) == len(shop.events()) > 3
    assert (await shop.plan(person.headers))["plan"] == "pro"
    assert len(await shop.rows(invoices, person.id)) == 1
    assert await night(shop) == 0


async def test_events_are_read_page_by_page(
    shop: Shop, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = await sign_in()
    await shop.subscribe(person.headers, "pro_monthly")
    monkeypatch.setattr(reconciliation, "PAGE", 2)
    there = {event.id for event in shop.events()}
    assert await tasks.reconcile_events.function(shop.session) == 2
    await shop.session.commit()
    assert await night(shop) == len(there) - 2
    assert {row["id"] for row in await shop.rows(events)} == there
    assert len(await pages(shop)) >= len(there) // 2
    assert (await shop.plan(person.headers))["plan"] == "pro"


async def test_an_event_whose_task_failed_is_tried_again(
    shop: Shop, sign_in: SignIn, session: AsyncSession
) -> None:
    person = await sign_in()
    await shop.subscribe(person.headers, "pro_monthly")
    for event in shop.events():
        await shop.send(event)
    assert await night(shop) == 0  # their tasks are being tried
    await shop.session.exec(events.update().values(processed_at=None))
    earlier = utcnow() - reconciliation.PATIENCE - timedelta(minutes=1)
    (paid,) = shop.events("invoice.paid")
    old = events.update().where(events.c.id == paid.id)
    await session.exec(old.values(received_at=earlier))
    await session.commit()
    assert await reconciliation.unprocessed(session) == [paid.id]
    assert await tasks.reconcile_events.function(shop.session) == 1
    await session.commit()
    for event_id in await shop.waiting():
        await shop.process(event_id)


async def test_a_subscription_that_differs_is_read_anew(shop: Shop, sign_in: SignIn) -> None:
    person = await sign_in()
    await shop.subscribe(person.headers, "pro_monthly")
    await shop.deliver()
    (known,) = shop.v1.subscriptions.list().data
    shop.v1.subscriptions.cancel(known.id)
    assert (await shop.plan(person.headers))["plan"] == "pro"
    assert await tasks.reconcile_subscriptions.function(shop.session) == 1
    await shop.session.commit()
    assert (await shop.plan(person.headers))["plan"] == "free"


async def test_subscriptions_are_read_page_by_page(
    shop: Shop, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = [await sign_in() for _ in range(5)]
    for person in people:
        await shop.subscribe(person.headers, "basic_monthly")
    after, found = None, 0
    monkeypatch.setattr(reconciliation, "PAGE", 2)
    for _ in range(3):
        count, after = await reconciliation.read_subscriptions(shop.session, after)
        await shop.session.commit()
        found += count
    assert after is None
    assert found == len(people)
    for person in people:
        assert (await shop.plan(person.headers))["plan"] == "basic"


async def test_a_replayed_event_is_read_anew(shop: Shop, sign_in: SignIn) -> None:
    person = await sign_in()
    await shop.subscribe(person.headers, "pro_monthly")
    await shop.deliver()
    (known,) = shop.v1.subscriptions.list().data
    created = shop.events("customer.subscription.created")[0]
    shop.v1.subscriptions.cancel(known.id)
    await tasks.replay(shop.session, created.id)
    await shop.session.commit()
    assert await shop.waiting() == [created.id]
    await shop.process(created.id)
    assert (await shop.plan(person.headers))["plan"] == "free"


async def test_customers_whose_rows_are_lost_get_them_again(shop: Shop, sign_in: SignIn) -> None:
    people = [await sign_in() for _ in range(3)]
    for person in people:
        await shop.subscribe(person.headers, "basic_monthly")
    await shop.session.exec(customers.delete())
    await shop.session.commit()
    assert await tasks.reconcile_subscriptions.function(shop.session) == len(people)
    await shop.session.commit()
    for person in people:
        assert (await shop.plan(person.headers))["plan"] == "basic"
