"""The same two tasks in the rendered project: `celery -A project_tasks worker`.

`python project_tasks.py send TASK COUNT` and `… enqueue TASK COUNT BATCH`, so many in each
transaction, print the seconds it took. Runs with the Python of the rendered project.
"""

import sys
import time

from app.core.database import sync_session
from app.core.tasks import enqueue, send, task
from app.worker import celery
from sqlalchemy import text
from sqlmodel import Session

TABLE = text("CREATE TABLE IF NOT EXISTS app.done (id bigint GENERATED ALWAYS AS IDENTITY)")
DONE = text("INSERT INTO app.done DEFAULT VALUES")


@task(name="benchmark.noop")
def noop() -> None:
    """Nothing."""


@task(name="benchmark.database")
def database(session: Session) -> None:
    """One row."""
    session.connection().execute(DONE)


def seconds_to_send(call: str, count: int) -> float:
    """Straight to Redis."""
    called = TASKS[call].s()
    send(called)
    started = time.perf_counter()
    for _ in range(count):
        send(called)
    return time.perf_counter() - started


def seconds_to_enqueue(call: str, count: int, batch: int) -> float:
    """By the outbox, to the last message in Redis."""
    called = TASKS[call].s()
    started = 0.0
    # The first transaction connects.
    for number in range(-1, count // batch):
        if number == 0:
            started = time.perf_counter()
        with sync_session() as session:
            for _ in range(batch if number >= 0 else 1):
                enqueue(session, called)
            session.commit()
    return time.perf_counter() - started


TASKS = {"noop": noop, "database": database}

__all__ = ["celery"]

if __name__ == "__main__":
    with sync_session() as tables:
        tables.connection().execute(TABLE)
        tables.commit()
    how, name, *numbers = sys.argv[1:]
    measure = {"send": seconds_to_send, "enqueue": seconds_to_enqueue}[how]
    print(measure(name, *map(int, numbers)))
