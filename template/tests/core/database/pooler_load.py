"""Load from one process with the project's engines: prints how many units of work succeeded.

`python -m tests.core.database.pooler_load KIND NUMBER`, where KIND is asyncpg, psycopg or reader.
"""

import asyncio
import sys
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from sqlalchemy import text
from sqlmodel import Session

from app.core.database import Database, async_engine, sync_engine
from app.core.settings import get_settings

TASKS = 40
UNITS = 6

CREATE = "CREATE TABLE public.load (id int PRIMARY KEY, value int)"
INSERT = text("INSERT INTO public.load VALUES (:id, :value)")
UPDATE = text("UPDATE public.load SET value = value + 1 WHERE id = :id RETURNING value")
# Different statements: a statement name that means another one on the next connection fails.
CHECKS = [
    text("SELECT CAST(:value AS int) + 1"),
    text("SELECT CAST(:value AS int) + count(*) FROM generate_series(1, CAST(:one AS int))"),
    text("SELECT max(n) FROM unnest(ARRAY[CAST(:value AS int) + CAST(:one AS int)]) AS n"),
]


def keys(process: int, task: int) -> list[int]:
    """Return a unique number for every unit of a task."""
    return [((process * TASKS) + task) * UNITS + unit for unit in range(UNITS)]


async def by_asyncpg(database: Database, key: int) -> None:
    async with database.session() as session:
        connection = await session.connection()
        await connection.execute(INSERT, {"id": key, "value": key})
        for check in CHECKS:
            assert await connection.scalar(check, {"value": key, "one": 1}) == key + 1
        assert await connection.scalar(UPDATE, {"id": key}) == key + 1
        await session.commit()


async def by_reader(database: Database, key: int) -> None:
    for check in CHECKS:
        (row,) = await database.reader.rows(check, {"value": key, "one": 1})
        assert list(row.values()) == [key + 1]


async def run_async(
    unit: Callable[[Database, int], Coroutine[Any, Any, None]], process: int
) -> int:
    database = Database(async_engine(get_settings()))

    async def task(number: int) -> int:
        done = 0
        for key in keys(process, number):
            try:
                await unit(database, key)
                done += 1
            except Exception as error:  # noqa: BLE001 - every error is counted
                print(type(error).__name__, error, file=sys.stderr)
        return done

    total = sum(await asyncio.gather(*map(task, range(TASKS))))
    await database.close()
    return total


def run_sync(process: int) -> int:
    settings = get_settings()
    engine = sync_engine(settings.database_url, settings)

    def unit(key: int) -> None:
        with Session(engine) as session:
            connection = session.connection()
            connection.execute(INSERT, {"id": key, "value": key})
            for check in CHECKS:
                assert connection.scalar(check, {"value": key, "one": 1}) == key + 1
            assert connection.scalar(UPDATE, {"id": key}) == key + 1
            session.commit()

    def task(number: int) -> int:
        done = 0
        for key in keys(process, number):
            try:
                unit(key)
                done += 1
            except Exception as error:  # noqa: BLE001 - every error is counted
                print(type(error).__name__, error, file=sys.stderr)
        return done

    with ThreadPoolExecutor(TASKS) as threads:
        total = sum(threads.map(task, range(TASKS)))
    engine.dispose()
    return total


def main(kind: str, process: int) -> int:
    if kind == "psycopg":
        return run_sync(process)
    return asyncio.run(run_async(by_asyncpg if kind == "asyncpg" else by_reader, process))


if __name__ == "__main__":
    print(main(sys.argv[1], int(sys.argv[2])))
