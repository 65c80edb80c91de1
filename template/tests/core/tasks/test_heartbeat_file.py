"""The file for health checks of containers, with a real worker and a real beat."""

import os
from pathlib import Path

import pytest

from tests.support.processes import Process, eventually, running

pytestmark = pytest.mark.slow


async def until_it_is_touched_again(file: Path, process: Process) -> None:
    async def there() -> bool:
        return file.exists()

    await eventually(there, process)
    os.utime(file, (0, 0))

    async def fresh() -> bool:
        return file.stat().st_mtime > 0

    await eventually(fresh, process)


async def test_a_worker_touches_the_file(tmp_path: Path) -> None:
    options = ("--concurrency=1", "--without-mingle", "--without-gossip", "--queues=nobody")
    command = ("celery", "-A", "app.worker", "worker", *options)
    with running(*command, ALIVE_FILE=str(tmp_path / "alive")) as worker:
        await until_it_is_touched_again(tmp_path / "alive", worker)


async def test_a_beat_that_sends_touches_the_file(tmp_path: Path) -> None:
    schedule = f"--schedule={tmp_path / 'schedule'}"
    options = ("--scheduler=app.core.tasks.beat:FileScheduler", schedule, "--pidfile=")
    with running(
        *("celery", "-A", "tests.core.tasks.probe_beat", "beat", *options),
        ALIVE_FILE=str(tmp_path / "alive"),
        PROBE='{"core.tick": 0.1}',
    ) as beat:
        await until_it_is_touched_again(tmp_path / "alive", beat)
