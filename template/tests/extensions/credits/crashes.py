"""Simulated crashes: the server ends a connection at a given statement, as after a kill -9."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, event


@contextmanager
def steps(engine: Engine) -> Iterator[list[str]]:
    """Collect the statements and commits on this engine."""
    seen: list[str] = []

    def statement(connection: Connection, cursor: Any, sql: str, *_: Any) -> None:
        seen.append(sql)

    def commit(connection: Connection) -> None:
        seen.append("COMMIT")

    with _listening(engine, statement, commit):
        yield seen


@contextmanager
def dying(engine: Engine, at: int) -> Iterator[None]:
    """End the connection right before the statement or commit with this number, from 0."""
    count = -1

    def step(connection: Connection, *_: Any) -> None:
        nonlocal count
        count += 1
        if count == at:
            end(engine, connection)

    with _listening(engine, step, step):
        yield


def end(engine: Engine, connection: Connection) -> None:
    """End a connection; the server rolls its transaction back."""
    pooled = connection.connection.dbapi_connection
    assert pooled
    pid = pooled.info.backend_pid
    raw = engine.raw_connection()
    try:
        # The second argument is how long to wait for the end, in milliseconds.
        raw.cursor().execute("SELECT pg_terminate_backend(%s, 5000)", (pid,))
    finally:
        raw.close()


@contextmanager
def _listening(engine: Engine, statement: Any, commit: Any) -> Iterator[None]:
    event.listen(engine, "before_cursor_execute", statement)
    event.listen(engine, "commit", commit)
    try:
        yield
    finally:
        event.remove(engine, "before_cursor_execute", statement)
        event.remove(engine, "commit", commit)
