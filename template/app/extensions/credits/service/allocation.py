"""The monthly allocation of a tier, and the expiry of unspent credits of the month before.

An account stores the month of its last allocation. A repeated run therefore adds nothing, and a
later run makes up for all months that were missed.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date

from sqlalchemy import bindparam, func, or_, update
from sqlalchemy.orm import Session

from app.extensions.credits.models import Kind, accounts
from app.extensions.credits.service import periods
from app.extensions.credits.service.ledger import LockedAccount, lock_batch, post

_MARK = (
    update(accounts)
    .where(
        accounts.c.user_id == bindparam("account"),
        or_(accounts.c.allocated_month.is_(None), accounts.c.allocated_month < bindparam("month")),
    )
    .values(allocated_month=bindparam("month"), updated_at=func.clock_timestamp())
)


def allocate(session: Session, account: LockedAccount, month: date) -> bool:
    """Give an account the allocation of a month and of the months missed before it, once each.

    Returns:
        whether this call did so.
    """
    marked = session.connection().execute(_MARK, {"account": account.user_id, "month": month})
    if not marked.rowcount:
        return False
    for due in _due(account.allocated_month, month):
        account = _allocate_month(session, account, due)
    return True


def allocate_due(session: Session) -> int:
    """Give a batch of accounts this month's allocation; return the number of accounts."""
    month = periods.month()
    due = or_(accounts.c.allocated_month.is_(None), accounts.c.allocated_month < month)
    return sum(allocate(session, account, month) for account in lock_batch(session, due))


def _due(last: date | None, month: date) -> Iterator[date]:
    """The months after the last allocation, up to `month`; only `month` for a new account."""
    due = periods.next_month(last) if last else month
    while due <= month:
        yield due
        due = periods.next_month(due)


def _allocate_month(session: Session, account: LockedAccount, month: date) -> LockedAccount:
    reference = f"{month:%Y-%m}"
    expiring = _expiring(account)
    if expiring:
        post(
            session,
            account,
            Kind.EXPIRY,
            -expiring,
            allowance=-expiring,
            reason="Unspent allocation has expired",
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
    change = account.allocation - expiring
    return replace(
        account, balance=account.balance + change, allowance=max(account.allowance + change, 0)
    )


def _expiring(account: LockedAccount) -> int:
    """Unspent allocation above the rollover. Credits that are held count as spent."""
    if account.rollover is None:
        return 0
    return max(min(account.allowance, account.balance) - account.rollover, 0)
