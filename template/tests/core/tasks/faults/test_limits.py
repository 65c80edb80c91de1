"""Tasks that exceed their time limits, all at the same time in one worker."""

import pytest

from tests.core.tasks.faults.conftest import Faults, StartWorker

pytestmark = pytest.mark.slow

KINDS = ("slow", "slow_async", "deaf", "deaf_async")


async def test_they_are_tried_again_and_fail(faults: Faults, worker: StartWorker) -> None:
    with worker(concurrency=len(KINDS)) as process:
        for kind in KINDS:
            await faults.enqueue_keys(kind, [kind])
        # The hard limit kills a child in each run, until all runs are used up.
        assert await faults.ended(process, seconds=90) == {"failure": len(KINDS)}
        # Attempts are claims: a run may have ended before its first statement.
        ends = {
            name: (attempts, error.startswith("SoftTimeLimitExceeded"))
            for name, attempts, error in faults.query("SELECT name, attempts, error FROM app.tasks")
        }
        late = (2, True)
        # The third claim finds that both runs died, and fails the task.
        killed = (3, False)
        assert ends == {
            "faults.slow": late,
            "faults.slow_async": late,
            "faults.deaf": killed,
            "faults.deaf_async": killed,
        }
        assert not faults.counts("effects")
        # All children and connections are free again.
        keys = [str(number) for number in range(8)]
        await faults.enqueue_keys("count_async", keys[:4])
        await faults.enqueue_keys("count", keys[4:])
        await faults.ended(process)
        assert faults.counts("effects") == dict.fromkeys(keys, 1)
