"""Events on their way to PostHog, and persons who are gone."""

from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from fastapi import FastAPI
from sqlalchemy import func, update
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.database import Reader
from app.core.settings import load_settings
from app.core.tasks import TaskError
from app.extensions.analytics.models import CapturedEvent, Consent, consents
from app.extensions.analytics.service import capture, consent, delivery
from app.extensions.analytics.service.posthog import PostHogError
from app.extensions.analytics.settings import AnalyticsSettings
from app.extensions.analytics.tasks import forget
from app.extensions.users.models import User
from tests.extensions.analytics.probe import Paid
from tests.extensions.analytics.sink import Sink
from tests.support.logs import rendered
from tests.support.people import Person, SignIn

PAID = Paid(order_id=UUID(int=1), plan="monthly")

pytestmark = pytest.mark.usefixtures("on")


@pytest.fixture
async def ada(session: AsyncSession, sign_in: SignIn) -> Person:
    person = await sign_in()
    await consent.decide(session, person.id, given=True)
    return person


@pytest.fixture
def reader(app: FastAPI) -> Reader:
    found: Reader = app.state.database.reader
    return found


async def deliver_all(session: AsyncSession, reader: Reader) -> list[int]:
    settings, sent = load_settings(AnalyticsSettings), []
    while batch := await session.run_sync(delivery.next_batch):
        await session.commit()
        sent.append(await delivery.deliver(session, reader, settings, batch))
        await session.commit()
    return sent


async def waiting(session: AsyncSession) -> int:
    return len((await session.exec(select(CapturedEvent.id))).all())


async def test_events_are_sent_in_batches_and_in_order(
    session: AsyncSession, reader: Reader, sink: Sink, ada: Person
) -> None:
    for number in range(250):
        paid = Paid(order_id=UUID(int=number), plan="monthly")
        await capture(session, paid, user_id=ada.id)
    await session.commit()
    assert await deliver_all(session, reader) == [100, 100, 50]
    assert sink.requests == ["/batch/"] * 3
    assert await waiting(session) == 0
    orders = [event["properties"]["order_id"] for event in sink.events]
    assert orders == [str(UUID(int=number)) for number in range(250)]
    assert len({event["uuid"] for event in sink.events}) == 250


async def test_nothing_personal_is_sent_unless_a_setting_allows_it(
    session: AsyncSession,
    reader: Reader,
    sink: Sink,
    ada: Person,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for allowed in ("", "email,display_name"):
        monkeypatch.setenv("ANALYTICS_PERSON_PROPERTIES", allowed)
        load_settings.cache_clear()
        await capture(session, PAID, user_id=ada.id)
        await session.commit()
        await deliver_all(session, reader)
    plain, personal = sink.events
    assert plain.keys() == {"uuid", "event", "distinct_id", "timestamp", "properties"}
    assert (plain["event"], plain["distinct_id"]) == ("probe_paid", str(ada.id))
    assert plain["properties"] == {
        **PAID.model_dump(mode="json"),
        "$geoip_disable": True,
        "$lib": "backend",
    }
    assert personal["properties"]["$set"] == {"email": ada.email}


@pytest.mark.parametrize("status", [408, 429, 500, 503])
async def test_trouble_of_posthog_is_tried_again(
    session: AsyncSession, reader: Reader, sink: Sink, ada: Person, status: int
) -> None:
    await capture(session, PAID, user_id=ada.id)
    await session.commit()
    sink.status = status
    batch = await session.run_sync(delivery.next_batch)
    await session.commit()
    assert batch
    settings = load_settings(AnalyticsSettings)
    with pytest.raises(PostHogError, match=str(status)):
        await delivery.deliver(session, reader, settings, batch)
    sink.status = 200
    assert await delivery.deliver(session, reader, settings, batch) == 1
    # A second run of the same task finds nothing.
    assert await delivery.deliver(session, reader, settings, batch) == 0
    assert len(sink.events) == 1


@pytest.mark.parametrize("status", [302, 400, 401, 413])
async def test_refused_events_wait_for_a_retry_of_the_task(
    session: AsyncSession,
    reader: Reader,
    sink: Sink,
    ada: Person,
    status: int,
    caplog: pytest.LogCaptureFixture,
) -> None:
    await capture(session, PAID, user_id=ada.id)
    await session.commit()
    sink.status = status
    with pytest.raises(TaskError, match=rf"{status}\. Check ANALYTICS_KEY"):
        await deliver_all(session, reader)
    assert any("analytics_refused" in line and str(status) in line for line in rendered(caplog))
    assert await waiting(session) == 1
    # The batch belongs to the failed task, and no other task takes its events.
    assert await session.run_sync(delivery.next_batch) is None


async def test_a_host_that_does_not_answer_is_tried_again(
    session: AsyncSession, reader: Reader, ada: Person
) -> None:
    await capture(session, PAID, user_id=ada.id)
    batch = await session.run_sync(delivery.next_batch)
    await session.commit()
    dead = load_settings(AnalyticsSettings).model_copy(update={"host": "http://127.0.0.1:1"})
    assert batch
    with pytest.raises(PostHogError, match="ConnectError"):
        await delivery.deliver(session, reader, dead, batch)


async def test_events_of_a_batch_are_not_sent_after_a_withdrawal(
    session: AsyncSession, reader: Reader, sink: Sink, ada: Person
) -> None:
    await capture(session, PAID, user_id=ada.id)
    batch = await session.run_sync(delivery.next_batch)
    await session.exec(update(consents).values(given=False))
    await session.commit()
    assert batch
    assert await delivery.deliver(session, reader, load_settings(AnalyticsSettings), batch) == 0
    assert (sink.requests, await waiting(session)) == ([], 0)


async def test_persons_are_deleted_with_their_accounts(
    session: AsyncSession, reader: Reader, sink: Sink, ada: Person, sign_in: SignIn
) -> None:
    stays, removed = await sign_in(), uuid4()
    await consent.decide(session, stays.id, given=True)
    session.add(Consent(user_id=removed, given=False))
    await capture(session, PAID, user_id=ada.id)
    await capture(session, PAID, user_id=stays.id)
    await session.exec(update(User).where(col(User.id) == ada.id).values(deleted_at=func.now()))
    await session.commit()
    gone = await delivery.take_deleted(session, reader)
    assert {*gone} == {ada.id, removed}
    left = (await session.exec(select(Consent.user_id))).all()
    assert (left, await waiting(session)) == ([stays.id], 1)
    await forget.function(user_ids=gone)
    (request,) = sink.deleted
    assert {*request["distinct_ids"]} == {str(ada.id), str(removed)}
    assert request["delete_events"] is True
    assert await delivery.take_deleted(session, reader) == []


async def test_without_a_personal_key_the_task_says_what_to_set(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("ANALYTICS_PERSONAL_KEY")
    load_settings.cache_clear()
    with pytest.raises(TaskError, match="ANALYTICS_PERSONAL_KEY and ANALYTICS_PROJECT"):
        await forget.function(user_ids=[uuid4()])


async def test_events_that_nobody_retries_are_deleted(session: AsyncSession, ada: Person) -> None:
    await capture(session, PAID, user_id=ada.id)
    await capture(session, PAID, user_id=ada.id)
    oldest = (await session.exec(select(CapturedEvent).order_by(col(CapturedEvent.id)))).first()
    assert oldest
    oldest.created_at -= timedelta(days=31)
    await session.commit()
    assert await session.run_sync(delivery.delete_stale, 30) == 1
    assert await waiting(session) == 1
