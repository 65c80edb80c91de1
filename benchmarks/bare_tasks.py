"""A bare Celery application, as its first tutorial has it: every setting its default.

`celery -A bare_tasks worker`; `python bare_tasks.py send TASK COUNT` prints the seconds it took.
Runs with the Python of the rendered project.
"""

import os
import sys
import time

from celery import Celery
from sqlalchemy import create_engine, text

celery = Celery("bare", broker=os.environ["REDIS_URL"])
engine = create_engine(os.environ["DATABASE_URL"].replace("postgresql", "postgresql+psycopg", 1))
DONE = text("INSERT INTO app.done DEFAULT VALUES")


# By name: to whoever sends them, this module is `__main__`.
@celery.task(name="noop")
def noop() -> None:
    """Nothing."""


@celery.task(name="database")
def database() -> None:
    """One row."""
    with engine.begin() as connection:
        connection.execute(DONE)


if __name__ == "__main__":
    task, count = globals()[sys.argv[2]], int(sys.argv[3])
    task.delay()
    started = time.perf_counter()
    for _ in range(count):
        task.delay()
    print(time.perf_counter() - started)
