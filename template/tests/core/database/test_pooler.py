"""Behind a transaction pooler: a real PgBouncer, three processes, more clients than connections."""

import asyncio
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from uuid import UUID, uuid4

import psycopg
import pytest
from sqlalchemy import make_url, text
from sqlmodel import Session

from app.core.database import Database, act_as, async_engine, sync_engine
from app.core.settings import CoreSettings, get_settings
from tests.core.database.pgbouncer import SERVER_CONNECTIONS, PgBouncer, program
from tests.core.database.pooler_load import CREATE, TASKS, UNITS
from tests.processes import PROJECT

PROCESSES = 3
ALL = PROCESSES * TASKS * UNITS
KINDS = ("asyncpg", "psycopg", "reader")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        program() is None, reason="needs PgBouncer: `apt-get install pgbouncer` brings it"
    ),
]


@pytest.fixture
def bouncer(database_url: str) -> Iterator[PgBouncer]:
    """A new one for each test: statements that another test left behind would count."""
    with tempfile.TemporaryDirectory() as folder:
        with psycopg.connect(database_url, autocommit=True) as connection:
            connection.execute("DROP TABLE IF EXISTS public.load")
            connection.execute(CREATE)
        with PgBouncer(Path(folder) / "bouncer", make_url(database_url)) as running:
            yield running


def settings_for(bouncer: PgBouncer) -> CoreSettings:
    return get_settings().model_copy(
        update={"database_url": bouncer.url, "db_pool_mode": "transaction"}
    )


def load(bouncer: PgBouncer, kind: str, mode: str) -> tuple[int, str]:
    """Return how many units of all processes succeeded, and the errors of the others."""
    environment = {**os.environ, "DATABASE_URL": bouncer.url, "DB_POOL_MODE": mode}
    script = (sys.executable, "-m", "tests.core.database.pooler_load", kind)
    processes = [
        subprocess.Popen(
            [*script, str(number)],
            cwd=PROJECT,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for number in range(PROCESSES)
    ]
    answers = [process.communicate(timeout=120) for process in processes]
    assert [process.returncode for process in processes] == [0] * PROCESSES, answers
    return sum(int(out) for out, _ in answers), "".join(err for _, err in answers)


def leftover_statements(bouncer: PgBouncer) -> dict[int, int]:
    """Count the prepared statements of each server connection, through the pooler."""
    found = {}
    with ExitStack() as stack:
        # Each holds its server connection until its transaction ends.
        for _ in range(SERVER_CONNECTIONS):
            client = stack.enter_context(psycopg.connect(bouncer.url, prepare_threshold=None))
            row = client.execute(
                "SELECT pg_backend_pid(), (SELECT count(*) FROM pg_prepared_statements)"
            ).fetchone()
            assert row is not None
            found[row[0]] = row[1]
    assert len(found) == SERVER_CONNECTIONS
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_no_unit_of_work_is_lost_and_nothing_is_left_behind(bouncer: PgBouncer, kind: str) -> None:
    succeeded, errors = load(bouncer, kind, "transaction")
    assert (succeeded, errors) == (ALL, "")
    assert set(leftover_statements(bouncer).values()) == {0}


@pytest.mark.parametrize("kind", KINDS)
def test_the_settings_of_a_direct_connection_fail(bouncer: PgBouncer, kind: str) -> None:
    """Otherwise the test above would prove nothing."""
    succeeded, errors = load(bouncer, kind, "direct")
    assert succeeded < ALL
    assert 'prepared statement "' in errors


async def test_acting_as_a_user_ends_with_the_transaction(bouncer: PgBouncer) -> None:
    database = Database(async_engine(settings_for(bouncer)))
    identity = text("SELECT current_user::text, auth.uid()")

    async def work(user_id: UUID | None) -> None:
        expected = ("authenticated", user_id) if user_id else ("postgres", None)
        for _ in range(5):
            async with database.session() as session:
                if user_id:
                    act_as(session, user_id)
                for _ in range(2):
                    connection = await session.connection()
                    assert tuple((await connection.execute(identity)).one()) == expected
                    await session.commit()
                assert await database.reader.rows(identity) == [
                    {"current_user": "postgres", "uid": None}
                ]

    users = [uuid4() if number % 3 else None for number in range(60)]
    await asyncio.gather(*map(work, users))
    await database.close()


def test_a_task_acts_as_a_user_through_the_pooler(bouncer: PgBouncer) -> None:
    settings = settings_for(bouncer)
    engine = sync_engine(settings.database_url, settings)
    for user_id in (uuid4(), None, uuid4()):
        with Session(engine) as session:
            if user_id:
                act_as(session, user_id)
            for _ in range(2):
                assert session.connection().scalar(text("SELECT auth.uid()")) == user_id
                session.commit()
    engine.dispose()
