"""Schedules for one test, in the Redis of the test run."""

from collections.abc import Callable, Iterator
from uuid import uuid4

import pytest

Start = Callable[[dict[str, float]], None]

# No worker reads it.
QUEUE = "unread"


@pytest.fixture
def start_beat() -> Iterator[Start]:
    """Do what a beat does at its start, with these schedules of the code: `start({"a.b": 60})`."""
    from redbeat.schedulers import ensure_conf, get_redis  # type: ignore[import-untyped]

    from app.extensions.schedules.scheduler import Scheduler
    from app.worker import celery

    changed = ("redbeat_key_prefix", "beat_schedule")
    before = {name: celery.conf[name] for name in changed}
    prefix = f"test:{uuid4().hex}:"
    celery.conf.redbeat_key_prefix = prefix
    celery.__dict__.pop("redbeat_conf", None)
    ensure_conf(celery)

    def start(schedules: dict[str, float]) -> None:
        entry = {"task": "core.heartbeat", "options": {"queue": QUEUE}}
        celery.conf.beat_schedule = {
            name: entry | {"schedule": seconds} for name, seconds in schedules.items()
        }
        Scheduler(celery)

    yield start
    client = get_redis(celery)
    for key in (*client.scan_iter(f"{prefix}*"), f"app:{QUEUE}"):
        client.delete(key)
    celery.conf.update(before)
    celery.__dict__.pop("redbeat_conf", None)
