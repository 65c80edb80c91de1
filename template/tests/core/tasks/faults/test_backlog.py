"""Many tasks, enqueued while no worker runs."""

import pytest

from tests.core.tasks.faults.conftest import Faults, StartWorker

pytestmark = pytest.mark.slow

TASKS = 3_000
AT_ONCE = 500


async def test_all_are_done_once(faults: Faults, worker: StartWorker) -> None:
    keys = [str(number) for number in range(TASKS)]
    for first in range(0, TASKS, AT_ONCE):
        await faults.enqueue_keys("count", keys[first : first + AT_ONCE])
    with worker() as process:
        assert await faults.ended(process, seconds=180) == {"success": TASKS}
    assert faults.counts("effects") == dict.fromkeys(keys, 1)


async def test_a_task_that_was_rolled_back_never_runs(faults: Faults, worker: StartWorker) -> None:
    await faults.enqueue_keys("count", ["never"], path="/sample/rolled-back")
    with worker() as process:
        await faults.enqueue_keys("count", ["a"])
        assert await faults.ended(process) == {"success": 1}
    assert faults.counts("effects") == {"a": 1}


async def test_unsent_tasks_are_swept_once(faults: Faults, worker: StartWorker) -> None:
    # As if their processes had died right after the commit.
    records = """
        INSERT INTO app.tasks (id, name, arguments, state, deliveries, attempts, created_at,
                               cancel_requested)
        SELECT gen_random_uuid(), 'faults.count', jsonb_build_object('key', n::text), 'pending',
               0, 0, now(), false
        FROM generate_series(1, 2000) n
        RETURNING 1
    """
    faults.query(records)
    with worker(concurrency=4) as process:
        assert await faults.ended(process, seconds=120) == {"success": 2000}
        said = process.said()
    assert faults.query("SELECT DISTINCT deliveries, attempts FROM app.tasks") == [(1, 1)]
    assert "tasks_swept" in said
    assert said.count("Task faults.count") == 2 * 2000  # received, succeeded
