"""The sweep sends tasks that were left behind, and the records of old tasks are deleted."""

from datetime import timedelta
from typing import Any

from sqlalchemy import Engine, delete, func, select, update

from app.core.failures import report
from app.core.logging import get_logger
from app.core.tasks.application import celery
from app.core.tasks.definition import TaskError, task_failure
from app.core.tasks.models import TaskState, tasks
from app.core.tasks.records import CHANGED, history_with, log_changes
from app.core.tasks.relay import BATCH, send_unsent

# Seconds after which a message that no worker took may be lost; doubled with each delivery.
LOST_AFTER = 60
# After this many deliveries no worker knows the task.
MAX_DELIVERIES = 10
NOT_TAKEN = f"No worker took it in {MAX_DELIVERIES} deliveries."

log = get_logger(__name__)


def sweep(engine: Engine, longest_run: float) -> dict[str, int]:
    """Send all tasks that are due and not sent. Return how many were stale, lost and sent.

    No run is longer than `longest_run` seconds. It is safe to run two sweeps at once.

    Raises:
        kombu.exceptions.OperationalError: Redis does not answer.
    """
    stale, lost = _requeue_stale(engine, longest_run), _requeue_lost(engine)
    counts = {"stale": stale, "lost": lost, "sent": 0}
    while sent := send_unsent(engine):
        counts["sent"] += sent
        if sent < BATCH:
            break
    if any(counts.values()):
        log.info("tasks_swept", **counts)
    return counts


def delete_old(engine: Engine, days: int) -> int:
    """Delete the records of tasks that succeeded or were cancelled more than `days` ago."""
    statement = delete(tasks).where(
        tasks.c.state.in_((TaskState.SUCCESS, TaskState.REVOKED)),
        tasks.c.ended_at < func.now() - timedelta(days=days),
    )
    with engine.begin() as connection:
        return connection.execute(statement).rowcount


def _requeue_stale(engine: Engine, longest_run: float) -> int:
    """Requeue tasks whose run cannot be alive, and whose message Redis has lost as well."""
    statement = (
        update(tasks)
        .where(
            tasks.c.state == TaskState.STARTED,
            tasks.c.started_at < func.now() - timedelta(seconds=longest_run),
        )
        .values(
            state=TaskState.PENDING,
            sent_at=None,
            due_at=func.now(),
            history=history_with(
                "requeued",
                attempt=tasks.c.attempts,
                reason=f"its run did not end in {longest_run:g} s, and Redis has lost its message",
            ),
        )
        .returning(*CHANGED)
    )
    with engine.begin() as connection:
        rows = connection.execute(statement).mappings().all()
    log_changes(rows)
    return len(rows)


def _requeue_lost(engine: Engine) -> int:
    """Requeue tasks whose messages are not in Redis any more, for example after a flush.

    A queue that holds a message for each waiting task has lost nothing, however long they wait. If
    n messages are missing, then those of the n oldest tasks are taken or lost.
    """
    sent = (tasks.c.state == TaskState.PENDING) & tasks.c.sent_at.is_not(None)
    age = func.extract("epoch", func.now() - tasks.c.sent_at)
    overdue = age > LOST_AFTER * func.power(2, tasks.c.deliveries - 1)
    counts = select(tasks.c.name, func.count(), func.count().filter(overdue)).where(sent)
    with engine.begin() as connection:
        rows = connection.execute(counts.group_by(tasks.c.name)).all()
        if not any(row[2] for row in rows):
            return 0
        requeued: list[Any] = []
        failed: list[Any] = []
        for names, missing in _short_queues({name: count for name, count, _ in rows}):
            oldest = select(tasks.c.id).where(sent, tasks.c.name.in_(names))
            oldest = oldest.order_by(tasks.c.position).limit(missing)
            change = update(tasks).where(overdue, tasks.c.id.in_(oldest)).returning(*CHANGED)
            failing = change.where(tasks.c.deliveries >= MAX_DELIVERIES).values(
                state=TaskState.FAILURE,
                ended_at=func.now(),
                error=NOT_TAKEN,
                history=history_with("failed", attempt=tasks.c.attempts, reason=NOT_TAKEN),
            )
            entry = history_with("requeued", attempt=tasks.c.attempts, reason="its message is lost")
            failed += connection.execute(failing).mappings()
            requeued += connection.execute(change.values(sent_at=None, history=entry)).mappings()
    log_changes([*failed, *requeued])
    for row in failed:
        report(task_failure(row["name"], TaskError(NOT_TAKEN), str(row["id"])))
    return len(requeued)


def _short_queues(sent: dict[str, int]) -> list[tuple[list[str], int]]:
    """Find queues that hold fewer messages than tasks wait for.

    `sent` is the number of waiting tasks by name. Returns, for each such queue, the names of its
    tasks and the number of missing messages.
    """
    names: dict[str, list[str]] = {}
    for name in sent:
        names.setdefault(celery.amqp.router.route({}, name)["queue"].name, []).append(name)
    missing = []
    with celery.connection_or_acquire() as connection:
        channel: Any = connection.default_channel
        for queue, those in names.items():
            # Not passive: Redis has no empty queues, so kombu would not find one.
            held = channel.queue_declare(queue).message_count
            if (short := sum(sent[name] for name in those) - held) > 0:
                missing.append((those, short))
    return missing
