"""Mails through a real worker: none is lost, and none is sent twice.

Sender and worker have a database and a Redis database of their own: the worker of other tests would
take their messages.
"""

import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import psycopg
import pytest

from devstack.inbox import InboxServer
from tests.support.processes import PROJECT, eventually, own_redis, running

UNFINISHED = "SELECT count(*) FROM app.tasks WHERE state IN ('pending', 'started')"


@pytest.fixture
def environment(database_url: str) -> dict[str, str]:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("TRUNCATE app.tasks, app.email_mails")
    return {"DATABASE_URL": database_url, "REDIS_URL": own_redis(15)}


async def deliver(environment: dict[str, str], number: int, repeated: int = 0, **more: str) -> None:
    """Send mails, and run a worker until every task has ended."""
    subprocess.run(
        [sys.executable, "-m", "tests.extensions.email.sender", str(number), str(repeated)],
        cwd=PROJECT,
        env={**os.environ, **environment},
        check=True,
    )
    alone = ("--concurrency=2", "--without-mingle", "--without-gossip")
    command = ("celery", "-A", "tests.extensions.email.worker", "worker", *alone)
    # A warm shutdown takes two seconds.
    with (
        running(*command, stop=signal.SIGKILL, **environment, **more) as worker,
        psycopg.connect(environment["DATABASE_URL"], autocommit=True) as connection,
    ):

        async def done() -> bool:
            return connection.execute(UNFINISHED).fetchone() == (0,)

        await eventually(done, worker, seconds=120)


@pytest.mark.parametrize("mails", [100, pytest.param(1000, marks=pytest.mark.slow)])
async def test_many_mails_and_no_duplicate(
    environment: dict[str, str], server: InboxServer, mails: int
) -> None:
    await deliver(environment, mails, mails // 2)
    counts = Counter(recipients for _, recipients in server.handler.taken)
    assert len(counts) == mails
    assert set(counts.values()) == {1}
    assert len({message_id for message_id, _ in server.handler.taken}) == mails


async def test_a_worker_that_dies_after_sending(
    environment: dict[str, str], server: InboxServer, tmp_path: Path
) -> None:
    """The next one repeats the mail, with the Message-ID by which mail programs merge the two."""
    await deliver(environment, 1, MAIL_CRASH=str(tmp_path / "crashed"))
    first, second = server.handler.taken
    assert first == second
