"""What brings back the tasks that were left behind, and clears away the old ones."""

from datetime import timedelta
from typing import Any

from sqlalchemy import Engine, delete, func, select, update

from app.core.logging import get_logger
from app.core.tasks.application import celery
from app.core.tasks.models import TaskState, tasks
from app.core.tasks.outbox import BATCH, relay

# A message that nobody took for this long may be lost; each further one waits twice as long.
LOST_AFTER = 60  # seconds
# A task that no worker took in so many deliveries is known to none of them.
MOST_DELIVERIES = 10

log = get_logger(__name__)


def sweep(engine: Engine, longest_run: float) -> dict[str, int]:
    """Send what is due and unsent; return how many were sent, resent, and taken from the dead.

    `longest_run` is the time in seconds after which no run can be alive. Safe to run twice at once.

    Raises:
        kombu.exceptions.OperationalError: Redis does not answer.
    """
    counts = {"dead": _requeue_stale(engine, longest_run), "lost": _requeue_lost(engine), "sent": 0}
    while sent := relay(engine):
        counts["sent"] += sent
        if sent < BATCH:
            break
    if any(counts.values()):
        log.info("tasks_swept", **counts)
    return counts


def forget(engine: Engine, days: int) -> int:
    """Delete the records of tasks that ended well, or were cancelled, that many days ago."""
    statement = delete(tasks).where(
        tasks.c.state.in_((TaskState.SUCCESS, TaskState.REVOKED)),
        tasks.c.ended_at < func.now() - timedelta(days=days),
    )
    with engine.begin() as connection:
        return connection.execute(statement).rowcount


def _requeue_stale(engine: Engine, longest_run: float) -> int:
    """Take tasks from runs that cannot be alive any more, whose message is gone, too."""
    statement = (
        update(tasks)
        .where(
            tasks.c.state == TaskState.STARTED,
            tasks.c.started_at < func.now() - timedelta(seconds=longest_run),
        )
        .values(state=TaskState.PENDING, sent_at=None, due_at=func.now())
    )
    with engine.begin() as connection:
        return connection.execute(statement).rowcount


def _requeue_lost(engine: Engine) -> int:
    """Mark messages as unsent that are not in Redis any more, as after it was emptied.

    A queue that is as long as it should be has lost nothing, however long its messages wait; one
    that is shorter by n has been taken, or has lost, the n oldest.
    """
    sent = (tasks.c.state == TaskState.PENDING) & tasks.c.sent_at.is_not(None)
    age = func.extract("epoch", func.now() - tasks.c.sent_at)
    overdue = age > LOST_AFTER * func.power(2, tasks.c.deliveries - 1)
    counts = select(tasks.c.name, func.count(), func.count().filter(overdue)).where(sent)
    with engine.begin() as connection:
        rows = connection.execute(counts.group_by(tasks.c.name)).all()
        if not any(row[2] for row in rows):
            return 0
        lost = 0
        for names, missing in _short_queues({name: count for name, count, _ in rows}):
            oldest = select(tasks.c.id).where(sent, tasks.c.name.in_(names))
            oldest = oldest.order_by(tasks.c.position).limit(missing)
            these = update(tasks).where(overdue, tasks.c.id.in_(oldest))
            connection.execute(
                these.where(tasks.c.deliveries >= MOST_DELIVERIES).values(
                    state=TaskState.FAILURE,
                    ended_at=func.now(),
                    error=f"No worker took it in {MOST_DELIVERIES} deliveries.",
                )
            )
            lost += connection.execute(these.values(sent_at=None)).rowcount
    return lost


def _short_queues(sent: dict[str, int]) -> list[tuple[list[str], int]]:
    """Queues that hold fewer messages than tasks wait for: names of their tasks, and how many."""
    names: dict[str, list[str]] = {}
    for name in sent:
        names.setdefault(celery.amqp.router.route({}, name)["queue"].name, []).append(name)
    missing = []
    with celery.connection_or_acquire() as connection:
        channel: Any = connection.default_channel
        for queue, those in names.items():
            # Not passive: Redis knows no empty queue, and would call it missing.
            held = channel.queue_declare(queue).message_count
            if (short := sum(sent[name] for name in those) - held) > 0:
                missing.append((those, short))
    return missing
