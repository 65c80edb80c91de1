"""A stage for faults: its own services, the API, a beat that sweeps every second, and workers.

All but the workers run during the whole test run, so that they must survive every fault.
"""

import signal
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
import redis

from app.core.migrations.commands import upgrade
from devstack.ports import free_port
from tests.support.processes import Process, eventually, running
from tests.support.services import Services

SAMPLE = "tests.core.tasks.faults.sample"
TABLES = """
CREATE TABLE app.starts (key text, pid int, position int GENERATED ALWAYS AS IDENTITY);
CREATE TABLE app.effects (key text, position int GENERATED ALWAYS AS IDENTITY);
"""

StartWorker = Callable[..., AbstractContextManager[Process]]


class Faults:
    """The actions of a test: enqueue by HTTP, break services, read the tables."""

    def __init__(
        self, stage: Services, http: httpx.AsyncClient, environment: dict[str, str]
    ) -> None:
        self.stage = stage
        self.http = http
        self.environment = environment

    def redis(self) -> "redis.Redis":
        """A client of the Redis that runs now."""
        return redis.Redis.from_url(self.stage.valkey.url)

    def query(self, query: str, *values: Any) -> list[Any]:
        """Return rows, on a new connection, because the last one may be broken."""
        with psycopg.connect(self.stage.postgres.url) as connection:
            return connection.execute(query, values).fetchall()

    async def enqueue(
        self, task: str, *calls: dict[str, Any], path: str = "/sample", **more: Any
    ) -> None:
        """Enqueue a task of the sample for each of these arguments."""
        body = {"task": task, "calls": calls, **more}
        (await self.http.post(path, json=body)).raise_for_status()

    async def enqueue_keys(self, task: str, keys: Sequence[str], **more: Any) -> None:
        """Enqueue a task that takes only a key, once for each of these keys."""
        await self.enqueue(task, *({"key": key} for key in keys), **more)

    def states(self) -> Counter[str]:
        """Count the records of each state."""
        return Counter(dict(self.query("SELECT state, count(*) FROM app.tasks GROUP BY state")))

    def counts(self, table: str) -> Counter[str]:
        """Count the rows of each key, in `starts` or `effects`."""
        return Counter(key for (key,) in self.query(f"SELECT key FROM app.{table}"))

    async def ended(self, *processes: Process, seconds: float = 60) -> Counter[str]:
        """Wait until all tasks have ended, and return their states."""

        async def nothing_left() -> bool:
            left = "SELECT 1 FROM app.tasks WHERE state IN ('pending', 'started') LIMIT 1"
            return not self.query(left)

        await eventually(nothing_left, *processes, seconds=seconds)
        return self.states()

    async def runs(self, key: str, *processes: Process) -> int:
        """Wait until a run with this key has started, and return the id of its process."""

        async def begun() -> bool:
            return bool(self.query("SELECT 1 FROM app.starts WHERE key = %s", key))

        await eventually(begun, *processes)
        ((pid,),) = self.query("SELECT pid FROM app.starts WHERE key = %s", key)
        return int(pid)


@pytest.fixture(scope="session")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    """The services, with the tables of the sample."""
    stage = Services(tmp_path_factory.mktemp("faults"))
    upgrade(stage.postgres.url)
    with psycopg.connect(stage.postgres.url) as connection:
        connection.execute(TABLES)
    yield stage
    stage.postgres.stop()
    stage.valkey.stop()


@pytest.fixture(scope="session")
def environment(stage: Services) -> dict[str, str]:
    """Settings of every process."""
    return {
        "DATABASE_URL": stage.postgres.url,
        "REDIS_URL": stage.valkey.url,
        "CELERY_TIME_LIMIT": "10",
    }


@pytest.fixture(scope="session")
def beat(
    environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Process]:
    """A beat that sweeps every second."""
    schedule: Path = tmp_path_factory.mktemp("beat") / "schedule"
    command = ("celery", "-A", SAMPLE, "beat", f"--schedule={schedule}", "--pidfile=")
    with running(*command, stop=signal.SIGKILL, **environment) as beat:
        yield beat


@pytest.fixture(scope="session")
async def http(environment: dict[str, str]) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the API."""
    port = free_port()
    command = ("uvicorn", "tests.core.tasks.faults.sample_api:app", f"--port={port}")
    with running(*command, stop=signal.SIGTERM, **environment) as api:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
            await answers(client, api)
            yield client


async def answers(client: httpx.AsyncClient, api: Process) -> None:
    """Wait until an API has started."""

    async def listens() -> bool:
        try:
            return (await client.get("/health/live")).is_success
        except httpx.TransportError:
            return False

    await eventually(listens, api)


@pytest.fixture
def faults(
    stage: Services, http: httpx.AsyncClient, beat: Process, environment: dict[str, str]
) -> Faults:
    """The stage, with all services running and no tasks."""
    stage.start()
    faults = Faults(stage, http, environment)
    with psycopg.connect(stage.postgres.url) as connection:
        connection.execute("TRUNCATE app.tasks, app.starts, app.effects RESTART IDENTITY")
    faults.redis().flushall()
    return faults


@pytest.fixture
def worker(environment: dict[str, str]) -> StartWorker:
    """Start a worker: `with worker(concurrency=2) as process`. It is killed at the end."""

    def start(concurrency: int = 2) -> AbstractContextManager[Process]:
        alone = ("--without-mingle", "--without-gossip")
        command = ("celery", "-A", SAMPLE, "worker", f"--concurrency={concurrency}", *alone)
        return running(*command, stop=signal.SIGKILL, **environment)

    return start
