"""The relay of an API sends in the background, and goes on after an error."""

from collections.abc import AsyncIterator
from uuid import UUID

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.database import normalize_url
from app.core.tasks import enqueue, outbox
from app.core.tasks.models import TaskRecord
from app.core.tasks.relay import Relay
from tests.core.tasks.work import write
from tests.support.logs import rendered
from tests.support.processes import eventually


@pytest.fixture
async def engine(database_url: str) -> AsyncIterator[AsyncEngine]:
    """An engine with a single connection."""
    url = normalize_url(database_url).set(drivername="postgresql+asyncpg")
    engine = create_async_engine(url, pool_size=1, max_overflow=0, pool_timeout=2)
    yield engine
    await engine.dispose()


async def enqueued(engine: AsyncEngine) -> UUID:
    async with AsyncSession(engine) as session:
        task_id = enqueue(session, write.s(note="a"))
        await session.commit()
    return task_id


async def until_it_is_sent(engine: AsyncEngine, task_id: UUID) -> None:
    async def sent() -> bool:
        async with AsyncSession(engine) as session:
            return (await session.get_one(TaskRecord, task_id)).sent_at is not None

    await eventually(sent)


async def test_it_sends_what_is_committed_until_it_ends(engine: AsyncEngine) -> None:
    async with Relay(engine):
        during = await enqueued(engine)
        await until_it_is_sent(engine, during)
        last = await enqueued(engine)
    # Leaving it has waited for the last one. After that, the commit itself sends.
    after = await enqueued(engine)
    async with AsyncSession(engine) as session:
        for task_id in (last, after):
            assert (await session.get_one(TaskRecord, task_id)).sent_at is not None


async def test_it_goes_on_when_no_connection_was_free(
    engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(outbox, "hand_over", lambda *_: None)
    first, second = await enqueued(engine), await enqueued(engine)
    async with Relay(engine) as relay:
        async with engine.connect():
            relay.add([first])

            async def given_up() -> bool:
                return any("tasks_wait_for_sweep" in line for line in rendered(caplog))

            await eventually(given_up)
        relay.add([second])
        await until_it_is_sent(engine, second)
    async with AsyncSession(engine) as session:
        assert (await session.get_one(TaskRecord, first)).sent_at is None
