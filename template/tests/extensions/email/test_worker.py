"""Mails through a real worker: none is lost, and none is sent twice."""

import os
import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis
from httpx import AsyncClient
from sqlmodel import col, func, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.tasks.models import TaskRecord, TaskState
from app.extensions.email import service
from app.extensions.email.models import MailState
from devstack.inbox import InboxServer
from tests.extensions.email.shop import shipped
from tests.support.processes import Process, eventually, running


@pytest.fixture
async def session(committed: AsyncClient) -> Iterator[AsyncSession]:  # type: ignore[misc]
    """A session whose commits are real."""
    with redis.Redis.from_url(os.environ["REDIS_URL"]) as client:
        # Not the bindings of the queues, which this process declares only once.
        for key in client.scan_iter():
            if b"_kombu.binding" not in key:
                client.delete(key)
    app = committed._transport.app  # type: ignore[attr-defined]
    async with app.state.database.session() as session:
        yield session


@contextmanager
def worker(database_url: str, **environment: str) -> Iterator[Process]:
    alone = ("--concurrency=2", "--without-mingle", "--without-gossip")
    command = ("celery", "-A", "tests.extensions.email.worker", "worker", *alone)
    # A warm shutdown takes two seconds.
    with running(*command, stop=signal.SIGKILL, DATABASE_URL=database_url, **environment) as found:
        yield found


async def unfinished(session: AsyncSession) -> int:
    """Count the tasks that have not ended; each look is a transaction."""
    waiting = col(TaskRecord.state).in_((TaskState.PENDING, TaskState.STARTED))
    count = (await session.exec(select(func.count()).where(waiting))).one()
    await session.rollback()
    return count


@pytest.mark.parametrize("mails", [100, pytest.param(1000, marks=pytest.mark.slow)])
async def test_many_mails_and_no_duplicate(
    session: AsyncSession, committed_url: str, server: InboxServer, mails: int
) -> None:
    for number in range(mails):
        await service.send(session, shipped(f"user{number}@example.com"), key=f"{mails}:{number}")
    # The second half again, as by a task that is delivered twice.
    for number in range(mails // 2, mails):
        await service.send(session, shipped(f"user{number}@example.com"), key=f"{mails}:{number}")
    await session.commit()
    with worker(committed_url) as process:

        async def done() -> bool:
            return await unfinished(session) == 0

        await eventually(done, process, seconds=90)
    counts = Counter(recipients for _, recipients in server.handler.taken)
    assert len(counts) == mails
    assert set(counts.values()) == {1}
    assert len({message_id for message_id, _ in server.handler.taken}) == mails


async def test_a_worker_that_dies_after_sending(
    session: AsyncSession, committed_url: str, server: InboxServer, tmp_path: Path
) -> None:
    """The next one repeats the mail, with the Message-ID by which mail programs merge the two."""
    record = await service.send(session, shipped("crash@example.com"))
    await session.commit()
    with worker(committed_url, MAIL_CRASH=str(tmp_path / "crashed")) as process:

        async def done() -> bool:
            await session.rollback()
            await session.refresh(record)
            return record.state is MailState.SENT

        await eventually(done, process)
    assert {message_id for message_id, _ in server.handler.taken} == {f"<{record.id}@example.org>"}
    assert len(server.handler.taken) == 2
