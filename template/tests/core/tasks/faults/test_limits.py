"""Tasks over their time limits; all at once, in one worker that goes on."""

import pytest

from tests.core.tasks.faults.conftest import Faults, StartWorker

pytestmark = pytest.mark.slow

KINDS = ("slow", "slow_async", "deaf", "deaf_async")


async def test_they_are_tried_again_and_given_up(faults: Faults, worker: StartWorker) -> None:
    with worker(concurrency=len(KINDS)) as process:
        for kind in KINDS:
            await faults.enqueue_keys(kind, [kind])
        # One child each time its limit kills it, until nobody believes in it any more.
        assert await faults.ended(process, seconds=90) == {"failure": len(KINDS)}
        # A run may be ended before its first statement; its claim counts all the same.
        ends = {
            name: end for name, *end in faults.query("SELECT name, attempts, error FROM app.tasks")
        }
        late = [2, "SoftTimeLimitExceeded: SoftTimeLimitExceeded()"]
        # The third claim gives it up.
        killed = [3, "The worker died in each of 2 runs."]
        assert ends == {
            "faults.slow": late,
            "faults.slow_async": late,
            "faults.deaf": killed,
            "faults.deaf_async": killed,
        }
        assert not faults.counts("effects")
        # No child and no connection is left behind busy.
        keys = [str(number) for number in range(8)]
        await faults.enqueue_keys("count_async", keys[:4])
        await faults.enqueue_keys("count", keys[4:])
        await faults.ended(process)
        assert faults.counts("effects") == dict.fromkeys(keys, 1)
