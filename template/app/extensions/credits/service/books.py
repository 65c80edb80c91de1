"""Reading the books: lists and summaries."""

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

LONGEST_SUMMARY = timedelta(days=366)
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


def summary(session: Session, user_id: UUID, query: SummaryQuery) -> list[SummaryRead]:
    """Add up an account's entries by period, kind and operation, newest period first.

    Raises:
        InvalidError: the days are in the wrong order, or more than a year.
    """
    until = query.until or periods.today()
    since = query.since or _months_before(until, 11)
    if not timedelta() <= until - since <= LONGEST_SUMMARY:
        raise InvalidError("A summary covers a year at most, and begins before it ends.")
    # In words of the code and the settings, and so without parameters: Postgres has to see that
    # what is selected is what is grouped by.
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


async def as_csv(reader: Reader, user_id: UUID, query: TransactionFilter) -> AsyncIterator[str]:
    """Write an account's entries as CSV, newest first, a page at a time.

    Each page is a read of its own: a slow reader holds neither a connection nor a transaction.
    """
    yield _line(COLUMNS)
    wanted = TransactionQuery(**query.model_dump(), limit=MAX_LIMIT)
    while True:
        page = await TRANSACTIONS.page(reader, wanted, user_id=user_id)
        for entry in page.items:
            yield _line([_cell(getattr(entry, name)) for name in COLUMNS])
        if page.next_cursor is None:
            return
        wanted = wanted.model_copy(update={"cursor": page.next_cursor})


def _months_before(day: date, months: int) -> date:
    years, month = divmod(day.year * 12 + day.month - 1 - months, 12)
    return date(years, month + 1, 1)


def _line(cells: Sequence[str]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer).writerow(cells)
    return buffer.getvalue()


def _cell(value: Any) -> str:
    """A value for a spreadsheet, which would take text that begins so for a formula."""
    if isinstance(value, int):
        return str(value)
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text
