"""How many connections to Redis everything together holds under load."""

import asyncio
import signal
from collections import Counter

import pytest

from app.worker import celery
from tests.core.tasks.faults.conftest import Faults
from tests.processes import running

pytestmark = pytest.mark.slow

# Of the API, a worker with two children, and beat; more where features have beat keep its schedules
# in Redis, or workers send events.
BUDGET = 10
BUDGET += celery.conf.beat_scheduler != "app.core.beat:FileScheduler"
BUDGET += 2 * celery.conf.worker_send_task_events
ROUNDS = 25


async def test_all_processes_together(faults: Faults) -> None:
    most: Counter[str] = Counter()
    stopping = False

    async def watch() -> None:
        with faults.redis() as client:
            own = str(client.client_id())
            while not stopping:
                others = [each for each in client.client_list() if each["id"] != own]
                if len(others) > most.total():
                    most.clear()
                    most.update(each["cmd"] for each in others)
                await asyncio.sleep(0.01)

    # As `app worker` runs it, with the tasks of the sample.
    command = ("tests.core.tasks.faults.sample_worker",)
    with running(*command, stop=signal.SIGTERM, **faults.environment) as process:
        watching = asyncio.create_task(watch())
        for number in range(ROUNDS):
            keys = [f"{number} {each}" for each in range(10)]
            await asyncio.gather(
                faults.enqueue_keys("count", keys),
                # Their children send the next.
                faults.enqueue_keys("count_async", keys, ordered_by=str(number)),
                faults.enqueue_keys("count", keys, path="/sample/direct"),
                *(ready(faults) for _ in range(5)),
            )
        assert await faults.ended(process) == {"success": ROUNDS * 20}

        stopping = True
        await watching
        said = process.said()
    assert most.total() <= BUDGET, most
    assert "Too many connections" not in said


async def ready(faults: Faults) -> None:
    """Probes that come at once wait for each other."""
    assert (await faults.http.get("/health/ready")).is_success
