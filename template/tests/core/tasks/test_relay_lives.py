"""The relay of an API goes on after whatever went wrong."""

from uuid import UUID

import pytest
from sqlalchemy import Engine, create_engine
from sqlalchemy.orm import Session

from app.core.database import normalize_url
from app.core.tasks import outbox
from app.core.tasks.models import TaskRecord
from app.core.tasks.relay import Relay
from tests.support.processes import eventually


def record(engine: Engine) -> UUID:
    with Session(engine, expire_on_commit=False) as session:
        record = TaskRecord(name="core.heartbeat", arguments={})
        session.add(record)
        session.commit()
        return record.id


def is_sent(engine: Engine, task_id: UUID) -> bool:
    with Session(engine) as session:
        found = session.get(TaskRecord, task_id)
        return found is not None and found.sent_at is not None


async def test_no_connection_is_free(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    left: list[UUID] = []
    monkeypatch.setattr(outbox, "wait_for_sweep", lambda ids, _: left.extend(ids))
    url = normalize_url(database_url).set(drivername="postgresql+psycopg")
    engine = create_engine(url, pool_size=1, max_overflow=0, pool_timeout=0.1)
    onlooker = create_engine(url)
    first, second = record(engine), record(engine)
    async with Relay() as relay:
        with engine.connect():
            relay.deliver(engine, [first])

            async def given_up() -> bool:
                return left == [first]

            await eventually(given_up)
        relay.deliver(engine, [second])

        async def sent() -> bool:
            return is_sent(onlooker, second)

        await eventually(sent)
    assert not is_sent(onlooker, first)
    engine.dispose()
    onlooker.dispose()
