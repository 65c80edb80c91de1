"""Whether the books add up: every balance against its ledger and its holds."""

from collections.abc import Sequence
from uuid import UUID

from pydantic import BaseModel, ConfigDict
from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from app.extensions.credits.models import HoldState, accounts, holds, transactions

SHOWN = 100


class Fault(BaseModel):
    """An account that does not add up."""

    model_config = ConfigDict(from_attributes=True, frozen=True)

    user_id: UUID
    balance: int
    ledger: int  # what the balance should be: the sum of the entries
    held: int
    holds: int  # what should be held: the sum of the active holds
    entries: int
    counted: int  # how many entries there are
    unchained: int  # entries whose `balance_after` is not the sum up to them


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
# One statement, and so one moment: what is being spent meanwhile is in it whole or not at all.
_FAULTS = (
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
    .limit(SHOWN)
)


def faults(session: Session) -> Sequence[Fault]:
    """Return up to `SHOWN` accounts whose balance, holds and ledger say different things."""
    return [Fault.model_validate(row) for row in session.connection().execute(_FAULTS)]
