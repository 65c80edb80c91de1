"""SQL: statements of SQLAlchemy by both drivers, and those that `Reader` fetches without it."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Engine, event

from app.core.database.reader import Reader
from devstack.devpage.recorder import privacy
from devstack.devpage.recorder.entry import current, record

SHOWN = 30  # parameters of a statement
STARTED = "devpage_started"


def install() -> None:
    """Record the statements of every engine, also of those that exist already."""
    if event.contains(Engine, "before_cursor_execute", _before):
        return
    event.listen(Engine, "before_cursor_execute", _before)
    event.listen(Engine, "after_cursor_execute", _after)
    event.listen(Engine, "handle_error", _failed)
    event.listen(Engine, "commit", lambda _: _record("COMMIT", None, {}))
    event.listen(Engine, "rollback", lambda _: _record("ROLLBACK", None, {}))
    _watch_reader()


def _before(connection: Connection, *_: Any) -> None:
    connection.info[STARTED] = time.perf_counter()


def _after(
    connection: Connection,
    cursor: Any,
    statement: str,
    parameters: Any,
    context: Any,
    executemany: bool,
) -> None:
    if current.get() is None:
        return
    rows = cursor.rowcount if cursor.rowcount >= 0 else None
    _record(
        statement,
        _since(connection.info.pop(STARTED, None)),
        _parameters(parameters, context, many=executemany),
        rows=rows,
    )


def _failed(failed: Any) -> None:
    if current.get() is None or failed.statement is None or failed.connection is None:
        return
    started = failed.connection.info.pop(STARTED, None)
    _record(
        failed.statement,
        _since(started),
        {},
        error=privacy.error_message(failed.original_exception),
    )


def _watch_reader() -> None:
    fetch = Reader.fetch

    async def watched(self: Reader, sql: str, arguments: Sequence[Any]) -> Any:
        started = time.perf_counter()
        values = {f"${n}": privacy.shown("", each) for n, each in enumerate(arguments[:SHOWN], 1)}
        try:
            rows = await fetch(self, sql, arguments)
        except Exception as error:
            _record(sql, _since(started), values, error=privacy.error_message(error))
            raise
        _record(sql, _since(started), values, rows=len(rows))
        return rows

    setattr(Reader, "fetch", watched)  # noqa: B010 - for the type checker


def _record(
    statement: str,
    ms: float | None,
    parameters: dict[str, str],
    *,
    rows: int | None = None,
    error: str | None = None,
) -> None:
    record(
        "sql",
        sql=privacy.sql(statement),
        ms=ms,
        parameters=parameters,
        rows=rows,
        error=error,
    )


def _since(started: float | None) -> float | None:
    return None if started is None else round((time.perf_counter() - started) * 1000, 2)


def _parameters(parameters: Any, context: Any, *, many: bool) -> dict[str, str]:
    """Describe the parameters by their names in the statement, as far as SQLAlchemy knows them."""
    if many:
        return {"executemany": f"{len(parameters)} sets"}
    compiled = getattr(context, "compiled_parameters", None)
    named = compiled[0] if compiled else parameters
    if isinstance(named, Mapping):
        pairs = list(named.items())
    else:
        pairs = [(f"${number}", value) for number, value in enumerate(named or (), 1)]
    return {str(name): privacy.shown(str(name), value) for name, value in pairs[:SHOWN]}
