"""A real worker and a real beat."""

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from celery.contrib.testing.mocks import TaskMessage

from app.core import context
from app.core.redis import process_pool, redis_key, store
from app.core.settings import get_settings
from app.core.tasks import send
from app.core.tasks.application import configure_celery
from app.core.tasks.tasks import HEARTBEAT_KEY, HEARTBEAT_SECONDS, heartbeat_age
from app.worker import celery
from tests.core.tasks.work import count
from tests.support.processes import PROJECT, SECONDS, Process, eventually, running


@pytest.fixture(scope="module")
def beat(worker: Process, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    """A beat that sends the heartbeat very often."""
    schedule = f"--schedule={tmp_path_factory.mktemp('beat') / 'schedule'}"
    command = ("celery", "-A", "tests.core.tasks.fast_beat", "beat", schedule, "--pidfile=")
    with running(*command) as beat:
        yield beat


async def end_of(task_id: str, worker: Process) -> dict[str, Any]:
    """The line that the worker writes when a task has succeeded."""
    event = f"[{task_id}] succeeded"

    async def told() -> bool:
        return event in worker.said()

    await eventually(told, worker)
    lines = [json.loads(line) for line in worker.said().splitlines() if event in line]
    (line,) = lines
    return dict(line)


# Both processes start at the same time, and the first test waits for both.
async def test_a_task_runs_and_the_log_has_its_request(worker: Process, beat: Process) -> None:
    request_id = uuid4().hex
    token = context.request_id.set(request_id)
    task_id = str(send(count.s(total=1)))
    context.request_id.reset(token)
    line = await end_of(task_id, worker)
    assert (line["task_id"], line["request_id"]) == (task_id, request_id)


async def test_a_beat_starts_scheduled_tasks(worker: Process, beat: Process) -> None:
    async def has_beaten() -> bool:
        age = heartbeat_age()
        return age is not None and age < HEARTBEAT_SECONDS

    # The value that is there now may come from another test.
    await eventually(has_beaten, worker, beat)
    store().delete(redis_key(HEARTBEAT_KEY))
    await eventually(has_beaten, worker, beat)


async def test_a_beat_sends_arguments_by_position(worker: Process, beat: Process) -> None:
    before = worker.said().count('"counted"')

    async def has_counted() -> bool:
        return worker.said().count('"counted"') > before

    await eventually(has_counted, worker, beat)


def test_a_wrong_schedule_stops_the_start() -> None:
    stopped = subprocess.run(
        [sys.executable, "-m", "celery", "-A", "tests.core.tasks.wrong_schedule", "beat"],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
    )
    assert stopped.returncode == 1
    assert "'core.wrong'" in stopped.stderr
    assert "Traceback" not in stopped.stderr


def test_a_wrong_schedule_is_one_line_in_the_api() -> None:
    wrong = "from app.core.tasks.schedules import SCHEDULES; SCHEDULES['core.wrong'] = None"
    stopped = subprocess.run(
        [sys.executable, "-c", f"{wrong}; import app.main"],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
    )
    assert stopped.returncode == 1
    (line,) = (stopped.stdout + stopped.stderr).splitlines()
    assert "'core.wrong'" in line


def test_a_worker_can_be_asked(worker: Process) -> None:
    """A process has one connection to publish, and Celery would wait for a second one."""
    command = [sys.executable, "-m", "celery", "-A", "app.worker", "inspect", "ping", "--json"]
    asked = subprocess.run(
        command, cwd=PROJECT, capture_output=True, text=True, check=True, timeout=SECONDS
    )
    assert {"ok": "pong"} in json.loads(asked.stdout).values()
    assert worker.lives()


def test_every_schedule_starts_a_task_that_exists() -> None:
    schedule = celery.conf.beat_schedule
    assert "core.heartbeat" in schedule
    assert {entry["task"] for entry in schedule.values()} <= celery.tasks.keys()


def test_a_slow_task_is_not_delivered_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    """Redis delivers a message again that was not acknowledged for the visibility timeout."""
    before = get_settings()
    try:
        configure_celery(before.model_copy(update={"celery_time_limit": 3000}))
        conf = celery.conf
        assert conf.broker_transport_options["visibility_timeout"] > conf.task_time_limit == 3000
        assert conf.task_soft_time_limit < conf.task_time_limit
    finally:
        configure_celery(before)


def test_connections_are_kept_alive_checked_and_given_up() -> None:
    options = process_pool().connection_kwargs
    assert options["socket_keepalive"]
    assert celery.conf.redis_socket_keepalive
    assert options["health_check_interval"] == celery.conf.redis_backend_health_check_interval == 30
    # Redis answers a waiting worker after one second.
    assert options["socket_timeout"] > 1


async def test_only_json_is_understood(worker: Process) -> None:
    """A pickle would run code of anyone who can write to Redis."""
    with celery.connection_for_write() as connection, connection.SimpleQueue("celery") as queue:
        message = TaskMessage("core.heartbeat")
        queue.put({"ran": True}, serializer="pickle", headers=message.headers)

    async def refused() -> bool:
        return "Refusing to deserialize" in worker.said()

    await eventually(refused, worker)
    # The worker goes on with the next message.
    await end_of(str(send(count.s(total=1))), worker)
