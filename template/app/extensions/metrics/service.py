"""Reads the numbers of all processes, and the state of the outbox and the queues."""

import asyncio
import json
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from prometheus_client.core import (
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.utils import floatToGoString
from redis import asyncio as async_redis
from sqlalchemy import func, select

from app.core.database import Reader
from app.core.redis import redis_key
from app.core.settings import get_settings
from app.core.tasks.application import celery
from app.core.tasks.models import UNFINISHED, TaskState, tasks
from app.core.tasks.tasks import HEARTBEAT_KEY
from app.extensions.metrics import features
from app.extensions.metrics.families import Numbers, gauge
from app.extensions.metrics.recorder import HISTOGRAMS, PROCESSES, SILENT, SUM, TOTALS

_DUE = (
    (tasks.c.state == TaskState.PENDING)
    & tasks.c.sent_at.is_(None)
    & (tasks.c.due_at <= func.now())
)
# Tasks that ended well are many, and are not counted.
_OPEN = tasks.c.state.in_((*UNFINISHED, TaskState.FAILURE))
_STATES = select(tasks.c.state, func.count().label("count")).where(_OPEN).group_by(tasks.c.state)
_OUTBOX = select(
    func.count().label("waiting"),
    func.extract("epoch", func.now() - func.min(tasks.c.due_at)).label("oldest"),
).where(_DUE)


async def collect(redis: "async_redis.Redis", reader: Reader) -> list[Metric]:
    """Return every metric.

    Raises:
        redis.RedisError: Redis does not answer.
        sqlalchemy.exc.DBAPIError: Postgres does not answer.
    """
    totals: dict[Any, Any] = await redis.hgetall(redis_key(TOTALS))
    processes = await living(redis)
    beat = await redis.get(redis_key(HEARTBEAT_KEY))
    numbers = parsed({name.decode(): float(number) for name, number in totals.items()})
    found = [
        *histograms(numbers),
        *features.counters(numbers),
        *await features.collected(reader),
        *pools(processes),
        *await outbox(reader),
        gauge("app_queue_messages", "Messages that wait in Redis", "queue", await queues()),
    ]
    if beat:
        age = time.time() - float(beat)
        found.append(gauge("app_heartbeat_age_seconds", "Since beat and a worker worked", "", age))
    found.append(InfoMetricFamily("app", "The release", {"version": get_settings().app_version}))
    return found


async def living(redis: "async_redis.Redis") -> list[dict[str, Any]]:
    """Return what the processes that live report, and forget those that were killed."""
    found: dict[Any, Any] = await redis.hgetall(redis_key(PROCESSES))
    reports = {name: json.loads(report) for name, report in found.items()}
    silent = [name for name, report in reports.items() if time.time() - report["at"] > SILENT]
    if silent:
        await redis.hdel(redis_key(PROCESSES), *silent)
    return [report for name, report in reports.items() if name not in silent]


def parsed(totals: Mapping[str, float]) -> Numbers:
    """Read the names of the numbers in Redis."""
    numbers: Numbers = defaultdict(lambda: defaultdict(dict))
    for name, number in totals.items():
        metric, labels, part = json.loads(name)
        numbers[metric][tuple(labels)][part] = number
    return numbers


def histograms(numbers: Numbers) -> Iterator[Metric]:
    """Make the histograms from their numbers."""
    for name, definition in HISTOGRAMS.items():
        family = HistogramMetricFamily(name, definition.help, labels=definition.labels)
        for labels, parts in numbers[name].items():
            buckets, count = [], 0.0
            for bound in definition.bounds:
                count += parts.get(str(bound), 0.0)
                text = floatToGoString(bound)  # type: ignore[no-untyped-call]
                buckets.append((text, count))
            family.add_metric(labels, buckets, parts.get(SUM, 0.0))
        yield family


def pools(processes: list[dict[str, Any]]) -> Iterator[Metric]:
    """Add up the pools of the processes that live."""
    kinds = ("api", "worker")
    for name, text, value in (
        ("app_processes", "Processes that measure", lambda _: 1),
        ("app_db_connections_used", "Database connections in use", lambda each: each["used"]),
        ("app_db_connections_limit", "Database connections allowed", lambda each: each["size"]),
    ):
        sums = {
            kind: sum(value(each) for each in processes if each["kind"] == kind) for kind in kinds
        }
        yield gauge(name, text, "kind", sums)


async def outbox(reader: Reader) -> list[Metric]:
    """Describe the tasks that are not done."""
    (waiting,) = await reader.rows(_OUTBOX)
    counts = {row["state"]: row["count"] for row in await reader.rows(_STATES)}
    states = {state.value: counts.get(state, 0) for state in UNFINISHED}
    return [
        gauge("app_outbox_waiting", "Tasks due and not sent to Redis", "", waiting["waiting"]),
        gauge(
            "app_outbox_oldest_seconds", "Age of the oldest of them", "", waiting["oldest"] or 0.0
        ),
        gauge("app_tasks_open", "Tasks that are not done", "state", states),
        gauge("app_dead_letters", "Tasks that failed for good", "", counts.get("failure", 0)),
    ]


async def queues() -> dict[str, float]:
    """Return the number of messages by queue."""

    def lengths() -> dict[str, float]:
        names = {
            celery.amqp.router.route({}, name)["queue"].name
            for name, task in celery.tasks.items()
            if getattr(task, "declared", None)
        }
        with celery.connection_or_acquire() as connection:
            channel: Any = connection.default_channel
            return {name: channel.queue_declare(name).message_count for name in names}

    return await asyncio.to_thread(lengths)
