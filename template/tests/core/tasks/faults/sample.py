"""Tasks that fail, and a worker for them: `celery -A tests.core.tasks.faults.sample worker`.

A run writes a row to `starts` at once, and a row to `effects` in its own transaction.
"""

import asyncio
import os
import signal
import time

from celery.exceptions import SoftTimeLimitExceeded
from sqlalchemy import text
from sqlmodel import Session
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.database import process_engine
from app.core.settings import CoreSettings
from app.core.tasks import records, sweep, task

# Seconds here, minutes in a deployment. No run takes longer than ten seconds.
VISIBILITY = 15
CoreSettings.celery_visibility_timeout = VISIBILITY  # type: ignore[assignment, method-assign]
records.FIRST_DELAY = 0.2
sweep.LOST_AFTER = 3

# After the changes above, because it reads them.
from app.worker import celery  # noqa: E402

for often in ("core.sweep_tasks", "core.heartbeat"):
    celery.conf.beat_schedule[often]["schedule"] = 1

START = text("INSERT INTO app.starts (key, pid) VALUES (:key, :pid)")
STARTS = text("SELECT count(*) FROM app.starts WHERE key = :key")
EFFECT = text("INSERT INTO app.effects (key) VALUES (:key)")


def start(key: str) -> int:
    """Record a run in a transaction of its own. Return how many runs there were."""
    with process_engine().begin() as connection:
        connection.execute(START, {"key": key, "pid": os.getpid()})
        return int(connection.execute(STARTS, {"key": key}).scalar_one())


@task(name="faults.count")
def count(session: Session, key: str) -> None:
    """Write the effect."""
    session.connection().execute(EFFECT, {"key": key})


@task(name="faults.count_async")
async def count_async(session: AsyncSession, key: str) -> None:
    """Write the effect, on the loop."""
    await (await session.connection()).execute(EFFECT, {"key": key})


@task(name="faults.linger")
def linger(session: Session, key: str, seconds: float) -> None:
    """Write the effect. The first run waits a long time before the commit."""
    first = start(key) == 1
    session.connection().execute(EFFECT, {"key": key})
    if first:
        time.sleep(seconds)


@task(name="faults.crash", tries=3)
def crash(key: str) -> None:
    """Kill the process of the worker that runs this."""
    start(key)
    os.kill(os.getpid(), signal.SIGKILL)


@task(name="faults.slow", tries=2, soft_time_limit=1, time_limit=5)
def slow(session: Session, key: str) -> None:
    """Run longer than allowed."""
    start(key)
    session.connection().execute(EFFECT, {"key": key})
    time.sleep(60)


@task(name="faults.slow_async", tries=2, soft_time_limit=1, time_limit=5)
async def slow_async(session: AsyncSession, key: str) -> None:
    """Run longer than allowed, on the loop."""
    start(key)
    await (await session.connection()).execute(EFFECT, {"key": key})
    await asyncio.sleep(60)


@task(name="faults.deaf", tries=2, soft_time_limit=1, time_limit=3)
def deaf(session: Session, key: str) -> None:
    """Ignore the soft time limit."""
    start(key)
    session.connection().execute(EFFECT, {"key": key})
    try:
        time.sleep(60)
    except SoftTimeLimitExceeded:
        time.sleep(60)


@task(name="faults.deaf_async", tries=2, soft_time_limit=1, time_limit=3)
async def deaf_async(session: AsyncSession, key: str) -> None:
    """Ignore the soft time limit, on the loop."""
    start(key)
    await (await session.connection()).execute(EFFECT, {"key": key})
    try:
        await asyncio.sleep(60)
    except asyncio.CancelledError:
        await asyncio.sleep(60)


@task(name="faults.step", tries=20)
def step(session: Session, key: str, failures: int) -> None:
    """Write the effect, after so many runs that fail."""
    if start(key) <= failures:
        raise RuntimeError("not yet")
    session.connection().execute(EFFECT, {"key": key})


TASKS = {
    each.name.removeprefix("faults."): each
    for each in (
        count,
        count_async,
        linger,
        crash,
        slow,
        slow_async,
        deaf,
        deaf_async,
        step,
    )
}
