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
        errors = dict(faults.query("SELECT name, error FROM app.tasks"))
        assert errors == {
            "faults.slow": "SoftTimeLimitExceeded: SoftTimeLimitExceeded()",
            "faults.slow_async": "SoftTimeLimitExceeded: SoftTimeLimitExceeded()",
            "faults.deaf": "The worker died in each of 2 runs.",
            "faults.deaf_async": "The worker died in each of 2 runs.",
        }
        assert faults.counts("starts") == dict.fromkeys(KINDS, 2)
        assert not faults.counts("effects")
        # No child and no connection is left behind busy.
        keys = [str(number) for number in range(8)]
        await faults.enqueue_keys("count_async", keys[:4])
        await faults.enqueue_keys("count", keys[4:])
        await faults.ended(process)
        assert faults.counts("effects") == dict.fromkeys(keys, 1)
