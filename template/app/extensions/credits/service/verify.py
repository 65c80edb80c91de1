"""Verification: compares every balance with its ledger and its holds."""

from collections.abc import Sequence
from uuid import UUID

from pydantic import BaseModel, ConfigDict
from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from app.extensions.credits.models import HoldState, accounts, holds, transactions

LIMIT = 100


class Discrepancy(BaseModel):
    """An account whose values contradict each other."""

    model_config = ConfigDict(from_attributes=True, frozen=True)

    user_id: UUID
    balance: int
    ledger: int  # the sum of the entries, which the balance should equal
    held: int
    holds: int  # the sum of the active holds, which `held` should equal
    entries: int
    counted: int  # the number of entries, which `entries` should equal
    unchained: int  # entries whose `balance_after` is not the sum of the entries so far


_RUNNING = select(
    transactions.c.user_id,
    transactions.c.amount,
    (
        transactions.c.balance_after
        == func.sum(transactions.c.amount).over(
            partition_by=transactions.c.user_id, order_by=transactions.c.position
        )
    ).label("chained"),
).subquery()
_LEDGER = (
    select(
        _RUNNING.c.user_id,
        func.sum(_RUNNING.c.amount).label("ledger"),
        func.count().label("counted"),
        func.count().filter(~_RUNNING.c.chained).label("unchained"),
    )
    .group_by(_RUNNING.c.user_id)
    .subquery()
)
_HOLDS = (
    select(holds.c.user_id, func.sum(holds.c.amount).label("holds"))
    .where(holds.c.state == HoldState.ACTIVE)
    .group_by(holds.c.user_id)
    .subquery()
)
_SUMS = (
    select(
        accounts.c.user_id,
        accounts.c.balance,
        func.coalesce(_LEDGER.c.ledger, 0).label("ledger"),
        accounts.c.held,
        func.coalesce(_HOLDS.c.holds, 0).label("holds"),
        accounts.c.entries,
        func.coalesce(_LEDGER.c.counted, 0).label("counted"),
        func.coalesce(_LEDGER.c.unchained, 0).label("unchained"),
    )
    .outerjoin(_LEDGER, _LEDGER.c.user_id == accounts.c.user_id)
    .outerjoin(_HOLDS, _HOLDS.c.user_id == accounts.c.user_id)
    .subquery()
)
# One statement reads one snapshot, so a concurrent transaction is in it completely or not at all.
_DISCREPANCIES = (
    select(_SUMS)
    .where(
        or_(
            _SUMS.c.balance != _SUMS.c.ledger,
            _SUMS.c.held != _SUMS.c.holds,
            _SUMS.c.entries != _SUMS.c.counted,
            _SUMS.c.unchained > 0,
        )
    )
    .order_by(_SUMS.c.user_id)
    .limit(LIMIT)
)


def find_discrepancies(session: Session) -> Sequence[Discrepancy]:
    """Return up to `LIMIT` accounts whose balance, holds and ledger contradict each other."""
    return [Discrepancy.model_validate(row) for row in session.connection().execute(_DISCREPANCIES)]
