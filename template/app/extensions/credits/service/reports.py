"""Reports on an account: lists, summaries, and an export as CSV."""

import csv
import io
from collections.abc import AsyncIterator, Sequence
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Date, cast, func, literal_column, select, tuple_
from sqlalchemy.orm import Session

from app.core.database import Database
from app.core.errors import InvalidError
from app.core.http.pagination import MAX_LIMIT, decode_cursor, encode_cursor
from app.extensions.credits.models import Kind, holds, transactions
from app.extensions.credits.schemas import (
    HoldQuery,
    HoldRead,
    SummaryQuery,
    SummaryRead,
    TransactionFilter,
    TransactionQuery,
    TransactionRead,
)
from app.extensions.credits.service import periods

MAX_SUMMARY = timedelta(days=366)
COLUMNS = (
    "created_at", "kind", "amount", "balance_after", "operation", "reason", "reference", "id",
)  # fmt: skip

_ENTRIES = select(*(transactions.c[name] for name in TransactionRead.model_fields))
_HOLDS = select(*(holds.c[name] for name in HoldRead.model_fields))


def list_transactions(
    session: Session, user_id: UUID, query: TransactionQuery
) -> Sequence[TransactionRead]:
    """Return a page of an account's entries, newest first, and one more if there is a next page."""
    statement = _filtered(user_id, query)
    if query.cursor:
        place = tuple_(*decode_cursor(query.cursor))
        statement = statement.where(tuple_(transactions.c.created_at, transactions.c.id) < place)
    rows = session.connection().execute(statement.limit(query.limit + 1))
    return [TransactionRead.model_validate(row) for row in rows]


def list_holds(session: Session, user_id: UUID, query: HoldQuery) -> Sequence[HoldRead]:
    """Return a page of an account's holds, newest first, and one more if there is a next page."""
    statement = _HOLDS.where(holds.c.user_id == user_id)
    if query.state:
        statement = statement.where(holds.c.state == query.state)
    if query.cursor:
        place = tuple_(*decode_cursor(query.cursor))
        statement = statement.where(tuple_(holds.c.created_at, holds.c.id) < place)
    statement = statement.order_by(holds.c.created_at.desc(), holds.c.id.desc())
    rows = session.connection().execute(statement.limit(query.limit + 1))
    return [HoldRead.model_validate(row) for row in rows]


def summarize(session: Session, user_id: UUID, query: SummaryQuery) -> list[SummaryRead]:
    """Sum the entries of an account by period, kind and operation, newest period first.

    Raises:
        InvalidError: `until` is before `since`, or the time between them is more than a year.
    """
    until = query.until or periods.today()
    since = query.since or _months_before(until, 11)
    if not timedelta() <= until - since <= MAX_SUMMARY:
        raise InvalidError("A summary covers at most a year, and `until` is not before `since`.")
    # Literals instead of parameters: Postgres must recognize the same expression in SELECT and
    # GROUP BY. Both come from the code and the settings, not from the request.
    unit: Any = literal_column(f"'{query.period}'")
    zone: Any = literal_column(f"'{periods.zone().key}'")
    local = func.timezone(zone, transactions.c.created_at)
    period = cast(func.date_trunc(unit, local), Date).label("period")
    statement = (
        select(
            period,
            transactions.c.kind,
            transactions.c.operation,
            func.sum(transactions.c.amount).label("amount"),
            func.count().label("entries"),
        )
        .where(
            transactions.c.user_id == user_id,
            transactions.c.kind.not_in((Kind.HOLD, Kind.RELEASE)),
            transactions.c.created_at >= periods.start_of(since),
            transactions.c.created_at < periods.start_of(until + timedelta(days=1)),
        )
        .group_by(period, transactions.c.kind, transactions.c.operation)
        .order_by(period.desc(), transactions.c.kind, transactions.c.operation)
    )
    return [SummaryRead.model_validate(row) for row in session.connection().execute(statement)]


async def stream_csv(
    database: Database, user_id: UUID, query: TransactionFilter
) -> AsyncIterator[str]:
    """Yield an account's entries as CSV, newest first, one page at a time.

    Each page has its own transaction, so a slow client does not occupy a connection.
    """
    yield _line(COLUMNS)
    page = TransactionQuery(**query.model_dump(), limit=MAX_LIMIT)
    while True:
        async with database.session() as session:
            found = await session.run_sync(list_transactions, user_id, page)
        for entry in found[: page.limit]:
            yield _line([_cell(getattr(entry, name)) for name in COLUMNS])
        if len(found) <= page.limit:
            return
        last = found[page.limit - 1]
        page = page.model_copy(update={"cursor": encode_cursor(last.created_at, last.id)})


def _filtered(user_id: UUID, query: TransactionFilter) -> Any:
    statement = _ENTRIES.where(transactions.c.user_id == user_id)
    if query.kind:
        statement = statement.where(transactions.c.kind == query.kind)
    if query.operation:
        statement = statement.where(transactions.c.operation == query.operation)
    if query.since:
        statement = statement.where(transactions.c.created_at >= query.since)
    if query.until:
        statement = statement.where(transactions.c.created_at < query.until)
    return statement.order_by(transactions.c.created_at.desc(), transactions.c.id.desc())


def _months_before(day: date, months: int) -> date:
    years, month = divmod(day.year * 12 + day.month - 1 - months, 12)
    return date(years, month + 1, 1)


def _line(cells: Sequence[str]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer).writerow(cells)
    return buffer.getvalue()


def _cell(value: Any) -> str:
    """Return a value as text, quoted if a spreadsheet would evaluate it as a formula."""
    if isinstance(value, int):
        return str(value)
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text
