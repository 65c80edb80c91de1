"""How a worker stops: a warm stop finishes its tasks, a cold stop gives them back."""

import signal
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Any
from uuid import uuid4

import pytest
import redis

from app.core.settings import get_settings
from tests.core.tasks.probe_worker import slow
from tests.support.processes import Process, eventually, running

pytestmark = pytest.mark.slow


class Job:
    """A slow task in a queue of its own."""

    def __init__(self, client: "redis.Redis") -> None:
        self.client = client
        self.key = f"probe:{uuid4().hex}"

    def worker(self) -> AbstractContextManager[Process]:
        """Run a worker for it."""
        alone = ("--concurrency=1", "--without-mingle", "--without-gossip")
        return running(
            *(
                "celery",
                "-A",
                "tests.core.tasks.probe_worker",
                "worker",
                *alone,
                f"--queues={self.key}",
            )
        )

    def send(self) -> None:
        """Enqueue it."""
        slow.celery.apply_async(kwargs={"key": self.key}, queue=self.key)

    def release(self) -> None:
        """Let it end."""
        self.client.set(f"{self.key}:go", 1)

    def count(self, what: str) -> int:
        """Count how often it has `started` or `ended`."""
        value: Any = self.client.get(f"{self.key}:{what}")
        return int(value or 0)

    async def until(self, what: str, times: int, *processes: Process) -> None:
        """Wait until it has started or ended so often."""

        async def counted() -> bool:
            return self.count(what) >= times

        await eventually(counted, *processes)


@pytest.fixture
def job() -> Iterator[Job]:
    with redis.Redis.from_url(get_settings().redis_url) as client:
        job = Job(client)
        yield job
        for key in client.scan_iter(f"*{job.key}*"):
            client.delete(key)


async def test_a_warm_stop_finishes_the_task(job: Job) -> None:
    with job.worker() as worker:
        job.send()
        await job.until("started", 1, worker)
        worker.process.terminate()

        async def stops() -> bool:
            return "Warm shutdown" in worker.said()

        await eventually(stops)
        assert worker.lives()
        job.release()
        assert worker.process.wait(20) == 0
    assert (job.count("started"), job.count("ended")) == (1, 1)


@pytest.mark.parametrize("signals", [["SIGQUIT"], ["SIGTERM", "SIGQUIT"]])
async def test_a_cold_stop_gives_the_task_back(job: Job, signals: list[str]) -> None:
    with job.worker() as worker:
        job.send()
        await job.until("started", 1, worker)
        for number, name in enumerate(signals):
            worker.process.send_signal(signal.Signals[name])

            async def heard(number: int = number) -> bool:
                return not worker.lives() or "shutdown" in worker.said()

            await eventually(heard)
        worker.process.wait(20)
    job.release()
    with job.worker() as second:
        await job.until("ended", 1, second)
    assert (job.count("started"), job.count("ended")) == (2, 1)
