"""What a tier gives each month, and what it takes of last month's that was not spent.

An account remembers the month it was given for, so a run that is repeated gives nothing, and those
that were missed, be it for months, are made up for by the next.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date

from sqlalchemy import bindparam, func, or_, update
from sqlalchemy.orm import Session

from app.extensions.credits.models import Kind, accounts
from app.extensions.credits.service import periods
from app.extensions.credits.service.ledger import LockedAccount, lock_some, post

_MARK = (
    update(accounts)
    .where(
        accounts.c.user_id == bindparam("account"),
        or_(accounts.c.allocated_month.is_(None), accounts.c.allocated_month < bindparam("month")),
    )
    .values(allocated_month=bindparam("month"), updated_at=func.clock_timestamp())
)


def allocate(session: Session, account: LockedAccount, month: date) -> bool:
    """Give an account what its tier says for a month, and for those missed before it, once each.

    Returns whether this call did.
    """
    marked = session.connection().execute(_MARK, {"account": account.user_id, "month": month})
    if not marked.rowcount:
        return False
    for due in _due(account.allocated_month, month):
        account = _give(session, account, due)
    return True


def allocate_due(session: Session) -> int:
    """Give a batch of accounts this month's allocation; return how many there were."""
    month = periods.month()
    due = or_(accounts.c.allocated_month.is_(None), accounts.c.allocated_month < month)
    return sum(allocate(session, account, month) for account in lock_some(session, due))


def _due(last: date | None, month: date) -> Iterator[date]:
    """The months after the last one that was given, up to this one; an account begins with this."""
    due = periods.next_month(last) if last else month
    while due <= month:
        yield due
        due = periods.next_month(due)


def _give(session: Session, account: LockedAccount, month: date) -> LockedAccount:
    reference = f"{month:%Y-%m}"
    lapsing = _lapsing(account)
    if lapsing:
        post(
            session,
            account,
            Kind.EXPIRY,
            -lapsing,
            allowance=-lapsing,
            reason="Unspent allocation has lapsed",
            reference=reference,
        )
    if account.allocation:
        post(
            session,
            account,
            Kind.ADDITION,
            account.allocation,
            allowance=account.allocation,
            reason="Monthly allocation",
            reference=reference,
            details={"tier": account.tier},
        )
    change = account.allocation - lapsing
    return replace(
        account, balance=account.balance + change, allowance=max(account.allowance + change, 0)
    )


def _lapsing(account: LockedAccount) -> int:
    """Unspent allocation beyond what is carried over. What is held is being spent, and stays."""
    if account.rollover is None:
        return 0
    return max(min(account.allowance, account.balance) - account.rollover, 0)
