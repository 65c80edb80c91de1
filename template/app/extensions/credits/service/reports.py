"""Reports on an account: lists, summaries, and an export as CSV."""

import csv
import io
from collections.abc import AsyncIterator, Sequence
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Date, cast, func, literal_column, select
from sqlalchemy.orm import Session
from sqlmodel import col

from app.core.database import Reader
from app.core.errors import InvalidError
from app.core.http.lists import Listing
from app.core.http.pagination import MAX_LIMIT
from app.extensions.credits.models import Hold, Kind, Transaction, transactions
from app.extensions.credits.schemas import (
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

TRANSACTIONS = Listing(
    Transaction,
    TransactionRead,
    scope=Transaction.user_id,
    filters={
        "kind": Transaction.kind,
        "operation": Transaction.operation,
        "since": lambda value: col(Transaction.created_at) >= value,
        "until": lambda value: col(Transaction.created_at) < value,
    },
)
HOLDS = Listing(Hold, HoldRead, scope=Hold.user_id, filters={"state": Hold.state})


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


async def stream_csv(reader: Reader, user_id: UUID, query: TransactionFilter) -> AsyncIterator[str]:
    """Yield an account's entries as CSV, newest first, one page at a time.

    Each page is read by itself, so a slow client does not occupy a connection. The first page comes
    with the header.
    """
    wanted = TransactionQuery(**query.model_dump(), limit=MAX_LIMIT)
    lines: list[Sequence[str]] = [COLUMNS]
    while True:
        page = await TRANSACTIONS.page(reader, wanted, user_id=user_id)
        lines += [[_cell(getattr(entry, name)) for name in COLUMNS] for entry in page.items]
        yield _as_csv(lines)
        if page.next_cursor is None:
            return
        lines = []
        wanted = wanted.model_copy(update={"cursor": page.next_cursor})


def _months_before(day: date, months: int) -> date:
    years, month = divmod(day.year * 12 + day.month - 1 - months, 12)
    return date(years, month + 1, 1)


def _as_csv(lines: Sequence[Sequence[str]]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer).writerows(lines)
    return buffer.getvalue()


def _cell(value: Any) -> str:
    """Return a value as text, quoted if a spreadsheet would evaluate it as a formula."""
    if isinstance(value, int):
        return str(value)
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text
