"""What no webhook has told is found at night, and what failed is tried again."""

from datetime import timedelta

import pytest
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.database.models import utcnow
from app.extensions.billing import tasks
from app.extensions.billing.models import customers, events, invoices
from app.extensions.billing.service import reconciliation
from tests.extensions.billing.shop import Shop
from tests.support.people import SignIn


async def night(shop: Shop) -> int:
    """Run the reconciliation; return how many events it has found."""
    missed = await tasks.reconcile_events.function(shop.session)
    await shop.session.commit()
    for event_id in await shop.waiting():
        await shop.process(event_id)
    return int(missed)


async def test_events_that_never_came_are_processed(shop: Shop, sign_in: SignIn) -> None:
    person = await sign_in()
    await shop.subscribe(person.headers, "pro_monthly")
    assert await night(shop) == len(shop.events()) > 3
    assert (await shop.plan(person.headers))["plan"] == "pro"
    assert len(await shop.rows(invoices, person.id)) == 1
    assert await night(shop) == 0


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
    assert await reconciliation.missed_events(session) == [paid.id]
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
