"""While PostHog does not answer, few requests wait for it, and nothing is lost."""

from collections.abc import Iterator
from types import SimpleNamespace
from uuid import UUID

import pytest
from fastapi import FastAPI
from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.tasks import SkipRunError, TaskError
from app.extensions.analytics import tasks
from app.extensions.analytics.models import CapturedEvent
from app.extensions.analytics.service import capture, consent, delivery, outage
from app.extensions.analytics.service.posthog import PostHogError
from tests.extensions.analytics.probe import Paid
from tests.extensions.analytics.sink import Sink
from tests.support.people import SignIn


@pytest.fixture(autouse=True)
def _no_outage(on: None, app: FastAPI, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    database = SimpleNamespace(reader=app.state.database.reader)
    monkeypatch.setattr(tasks, "process_database", lambda: database)
    outage.end()
    yield
    outage.end()


async def captured(session: AsyncSession, sign_in: SignIn) -> UUID:
    """Capture an event, and return the batch that it is in."""
    ada = await sign_in()
    await consent.decide(session, ada.id, given=True)
    await capture(session, Paid(order_id=UUID(int=1), plan="monthly"), user_id=ada.id)
    batch = await session.run_sync(delivery.next_batch)
    await session.commit()
    assert batch
    return batch


async def test_one_of_many_tasks_finds_out(
    session: AsyncSession, sign_in: SignIn, sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    batches = [await captured(session, sign_in) for _ in range(3)]
    sink.status = 503
    for batch in batches:
        with pytest.raises(PostHogError):
            await tasks.deliver.function(session, batch=batch)
    assert len(sink.requests) == 1
    # No further tasks are started; a later try of those that there are asks again.
    with pytest.raises(SkipRunError):
        await session.run_sync(tasks.flush.function)
    monkeypatch.setattr(outage, "PAUSE", 0.0)
    sink.status = 200
    for batch in batches:
        assert await tasks.deliver.function(session, batch=batch) == 1
        await session.commit()
    assert (await session.exec(select(CapturedEvent.id))).all() == []
    assert await session.run_sync(tasks.flush.function) == 0


async def test_a_refusal_is_no_outage(session: AsyncSession, sign_in: SignIn, sink: Sink) -> None:
    batch = await captured(session, sign_in)
    sink.status = 401
    with pytest.raises(TaskError, match="ANALYTICS_KEY"):
        await tasks.deliver.function(session, batch=batch)
    assert not outage.is_known()
