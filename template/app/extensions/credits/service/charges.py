"""Charges: usage of an operation, paid for at its rate, exactly once.

The credits are held before the work, taken with it and given back when it fails:

    with charging(session, owner_id, "documents.embed", units=3, key=str(document_id)):
        ...

What was held is committed at once, so that nobody spends it meanwhile, and is taken in the
caller's transaction, so that work in the database and its payment are committed together.

Where the work is no block, because its beginning and its end are told by events, `begin` is called
with a key, and `finish` or `abandon` with the charge that `begun` finds by it.
"""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy import Date, Integer, bindparam, case, or_, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.logging import get_logger
from app.core.settings import get_settings, load_settings
from app.extensions.credits.errors import (
    AlreadyChargedError,
    DailyLimitError,
    HoldEndedError,
    InProgressError,
    KeyReusedError,
)
from app.extensions.credits.models import HoldState, Kind, accounts
from app.extensions.credits.schemas import HoldRead, RateRead, TransactionRead
from app.extensions.credits.service import holds, ledger, periods, rates
from app.extensions.credits.service.accounts import locked
from app.extensions.credits.service.ledger import LockedAccount
from app.extensions.credits.settings import CreditSettings

log = get_logger(__name__)

# One statement counts and refuses: two charges at once do not both take the last place.
_DAY = bindparam("day", type_=Date)
_LIMIT = bindparam("limit", type_=Integer)
_COUNT = (
    update(accounts)
    .where(
        accounts.c.user_id == bindparam("account"),
        _LIMIT > 0,
        or_(accounts.c.charges_day.is_distinct_from(_DAY), accounts.c.charges_today < _LIMIT),
    )
    .values(
        charges_today=case((accounts.c.charges_day == _DAY, accounts.c.charges_today + 1), else_=1),
        charges_day=_DAY,
    )
)


@dataclass
class Charge:
    """Usage that has begun."""

    user_id: UUID
    rate: RateRead
    held: int
    hold_id: UUID | None  # none where an earlier run has paid
    taken: int | None = None

    def use(self, units: int) -> None:
        """Say that it came to so many units, and not to those that were held for.

        Raises:
            ValueError: they cost more than was held.
        """
        price = self.rate.price(units)
        if price > self.held:
            raise ValueError(f"{units} units cost {price} credits, and {self.held} are held.")
        self.taken = price


@contextmanager
def charging(
    session: Session,
    user_id: UUID,
    operation: str,
    units: int = 1,
    *,
    key: str | None = None,
    fingerprint: str | None = None,
) -> Iterator[Charge]:
    """Hold credits, and take them when the block ends well; an error gives them back.

    Args:
        session: committed on entry, so that the hold stands. What is taken is committed by the
            caller, with the work; after an error the session is rolled back.
        user_id: who pays.
        operation: what for; it needs a rate.
        units: how many at most: `Charge.use` takes fewer.
        key: a second run with it goes on with the hold of the first, and pays nothing where that
            one has paid.
        fingerprint: of the request behind the key, if it was one: a second request is refused.

    Raises:
        AlreadyChargedError: such a request was carried out.
        DailyLimitError: the tier allows no more charges today.
        InProgressError: such a request has begun.
        InsufficientCreditsError: the credits are not there.
        KeyReusedError: the key was another request's.
        NoRateError: nobody has said what the operation costs.
    """
    charge = _enter(session, user_id, operation, units, key, fingerprint)
    try:
        yield charge
    except BaseException:
        _give_up(session, charge)
        raise
    finish(session, charge)


@asynccontextmanager
async def charging_async(
    session: AsyncSession,
    user_id: UUID,
    operation: str,
    units: int = 1,
    *,
    key: str | None = None,
    fingerprint: str | None = None,
) -> AsyncIterator[Charge]:
    """`charging` for async code."""
    charge = await session.run_sync(_enter, user_id, operation, units, key, fingerprint)
    try:
        yield charge
    except BaseException:
        await session.run_sync(_give_up, charge)
        raise
    await session.run_sync(finish, charge)


def spend(
    session: Session, user_id: UUID, operation: str, units: int = 1, *, key: str | None = None
) -> TransactionRead:
    """Take credits at once, in the caller's transaction: for short work in the database.

    With the key of an earlier call, that one's entry is returned, and nothing is taken.

    Raises:
        DailyLimitError, InsufficientCreditsError, KeyReusedError, NoRateError: see `charging`.
    """
    account = locked(session, user_id)
    if key and (earlier := ledger.by_key(session, user_id, key)):
        if earlier.operation != operation:
            raise KeyReusedError
        return earlier
    price = rates.rate(session, operation, account.tier).price(units)
    _count(session, account)
    return ledger.post(
        session,
        account,
        Kind.DEDUCTION,
        -price,
        allowance=-price,
        reason=operation,
        operation=operation,
        key=key,
    )


def begin(
    session: Session,
    user_id: UUID,
    operation: str,
    units: int,
    *,
    key: str | None,
    fingerprint: str | None = None,
) -> Charge:
    """Hold credits for usage that begins; for the arguments and what is raised see `charging`."""
    account = locked(session, user_id)
    rate = rates.rate(session, operation, account.tier)
    lasts = _lasts(fingerprint)
    if key and (earlier := holds.by_key(session, user_id, key)):
        hold, its_fingerprint = earlier
        if hold.operation != operation or its_fingerprint != fingerprint:
            raise KeyReusedError
        if fingerprint:
            raise InProgressError if hold.state is HoldState.ACTIVE else AlreadyChargedError
        if hold.state is HoldState.ACTIVE:
            holds.extend(session, hold.id, lasts)
        return _charge(user_id, rate, hold)
    _count(session, account)
    hold = holds.set_aside(
        session,
        account,
        rate.price(units),
        reason=operation,
        lasts=lasts,
        operation=operation,
        unfinished=rate.unfinished,
        key=key,
        fingerprint=fingerprint,
    )
    return _charge(user_id, rate, hold)


def begun(session: Session, user_id: UUID, operation: str, key: str) -> Charge | None:
    """Return the charge that was begun with a key; None where none was, or it was given back."""
    account = locked(session, user_id)
    if not (found := holds.by_key(session, user_id, key)):
        return None
    return _charge(user_id, rates.rate(session, operation, account.tier), found[0])


def finish(session: Session, charge: Charge) -> None:
    """Take what a charge came to, and give the rest back; nothing where it has been paid.

    Raises:
        HoldEndedError: the credits were given back meanwhile.
    """
    if charge.hold_id:
        holds.commit(session, charge.user_id, charge.hold_id, charge.taken)


def abandon(session: Session, charge: Charge) -> None:
    """Give back what a charge holds; nothing where it has been paid.

    Raises:
        HoldEndedError: that was done already.
    """
    if charge.hold_id:
        holds.release(session, charge.user_id, charge.hold_id)


def _enter(
    session: Session,
    user_id: UUID,
    operation: str,
    units: int,
    key: str | None,
    fingerprint: str | None,
) -> Charge:
    charge = begin(session, user_id, operation, units, key=key, fingerprint=fingerprint)
    session.commit()
    return charge


def _give_up(session: Session, charge: Charge) -> None:
    session.rollback()
    try:
        abandon(session, charge)
        session.commit()
    except HoldEndedError:
        session.rollback()
    except (SQLAlchemyError, OSError) as error:
        # It is settled once it is overdue; what went wrong with the work is what is told.
        log.warning("charge_left_behind", hold=str(charge.hold_id), error=str(error)[:200])


def _charge(user_id: UUID, rate: RateRead, hold: HoldRead) -> Charge:
    paid = hold.state is HoldState.COMMITTED
    return Charge(user_id, rate, hold.amount, None if paid else hold.id)


def _lasts(fingerprint: str | None) -> timedelta:
    """After which time a charge counts as left behind: a task comes again when its worker died."""
    if fingerprint:
        return timedelta(minutes=load_settings(CreditSettings).stale_minutes)
    return timedelta(seconds=2 * get_settings().celery_visibility_timeout)


def _count(session: Session, account: LockedAccount) -> None:
    limit = account.daily_charges
    if limit is None:
        return
    values = {"account": account.user_id, "day": periods.today(), "limit": limit}
    if not session.connection().execute(_COUNT, values).rowcount:
        raise DailyLimitError(account.tier, limit, periods.midnight())
