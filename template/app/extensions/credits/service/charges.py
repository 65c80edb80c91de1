"""Charges: the use of an operation, paid for at its rate, exactly once.

The credits are held before the work, taken when it succeeds and released when it fails:

    with charging(session, owner_id, "documents.embed", units=3, key=str(document_id)):
        ...

The hold is committed at once, so that no other charge can spend the credits. They are taken in the
caller's transaction, so that the work in the database and its payment are committed together.

If the work is not one block, for example because two events report its start and its end, call
`begin` with a key. Later, `find` returns the charge of this key for `finish` or `release`.
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
from app.extensions.credits.service.accounts import lock_or_open
from app.extensions.credits.service.ledger import LockedAccount
from app.extensions.credits.settings import CreditSettings

log = get_logger(__name__)

# One statement checks and counts, so that concurrent charges cannot exceed the limit.
_DAY = bindparam("day", type_=Date)
_LIMIT = bindparam("limit", type_=Integer)
_COUNT_CHARGE = (
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
    """A charge that has begun."""

    user_id: UUID
    rate: RateRead
    held: int
    hold_id: UUID | None  # None if an earlier run has paid
    taken: int | None = None

    def use(self, units: int) -> None:
        """Set the units that were used, if they are fewer than those that the hold covers.

        Raises:
            ValueError: they cost more than the held credits.
        """
        price = self.rate.price(units)
        if price > self.held:
            raise ValueError(f"{units} units cost {price} credits, but {self.held} are held.")
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
    """Hold credits, take them when the block ends, and release them when it raises.

    Args:
        session: the session of the work. It is committed on entry, to store the hold, and rolled
            back after an error. The caller commits the payment, with the work.
        user_id: the user who pays.
        operation: the operation; it must have a rate.
        units: the largest possible number of units; `Charge.use` reduces it.
        key: idempotency key. A second run with the same key continues with the hold of the first,
            and pays nothing if the first has paid.
        fingerprint: hash of the HTTP request that sent the key. With it, a second run is refused.

    Raises:
        AlreadyChargedError: the request was carried out.
        DailyLimitError: the tier allows no more charges today.
        InProgressError: the request is in progress.
        InsufficientCreditsError: the balance is too low.
        KeyReusedError: the key belongs to another request.
        NoRateError: the operation has no rate.
    """
    charge = begin(session, user_id, operation, units, key=key, fingerprint=fingerprint)
    session.commit()
    try:
        yield charge
    except BaseException:
        _release_after_error(session, charge)
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
    """The async variant of `charging`."""
    charge = await session.run_sync(
        begin, user_id, operation, units, key=key, fingerprint=fingerprint
    )
    await session.commit()
    try:
        yield charge
    except BaseException:
        await session.run_sync(_release_after_error, charge)
        raise
    await session.run_sync(finish, charge)


def spend(
    session: Session, user_id: UUID, operation: str, units: int = 1, *, key: str | None = None
) -> TransactionRead:
    """Take credits in the caller's transaction, without a hold: for short work in the database.

    With the key of an earlier call, nothing is taken and the entry of that call is returned.

    Raises:
        DailyLimitError, InsufficientCreditsError, KeyReusedError, NoRateError: see `charging`.
    """
    account = lock_or_open(session, user_id)
    if key and (earlier := ledger.find_by_key(session, user_id, key)):
        if earlier.operation != operation:
            raise KeyReusedError
        return earlier
    price = rates.get_rate(session, operation, account.tier).price(units)
    _count_charge(session, account)
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
    """Hold credits for work that begins; see `charging` for the arguments and errors."""
    account = lock_or_open(session, user_id)
    rate = rates.get_rate(session, operation, account.tier)
    duration = _hold_duration(fingerprint)
    if key and (earlier := holds.find_by_key(session, user_id, key)):
        hold, earlier_fingerprint = earlier
        if hold.operation != operation or earlier_fingerprint != fingerprint:
            raise KeyReusedError
        if fingerprint:
            raise InProgressError if hold.state is HoldState.ACTIVE else AlreadyChargedError
        if hold.state is HoldState.ACTIVE:
            holds.extend(session, hold.id, duration)
        return _from_hold(user_id, rate, hold)
    _count_charge(session, account)
    hold = holds.place_on(
        session,
        account,
        rate.price(units),
        reason=operation,
        duration=duration,
        operation=operation,
        unfinished=rate.unfinished,
        key=key,
        fingerprint=fingerprint,
    )
    return _from_hold(user_id, rate, hold)


def find(session: Session, user_id: UUID, operation: str, key: str) -> Charge | None:
    """Return the charge of a key, or None if there is none or it was released."""
    account = lock_or_open(session, user_id)
    if not (found := holds.find_by_key(session, user_id, key)):
        return None
    return _from_hold(user_id, rates.get_rate(session, operation, account.tier), found[0])


def finish(session: Session, charge: Charge) -> None:
    """Take the price of a charge and release the rest. A charge that is paid stays as it is.

    Raises:
        HoldEndedError: the credits were released in the meantime.
    """
    if charge.hold_id:
        holds.commit(session, charge.user_id, charge.hold_id, charge.taken)


def release(session: Session, charge: Charge) -> None:
    """Release the credits of a charge. A charge that is paid stays as it is.

    Raises:
        HoldEndedError: they were released before.
    """
    if charge.hold_id:
        holds.release(session, charge.user_id, charge.hold_id)


def _release_after_error(session: Session, charge: Charge) -> None:
    session.rollback()
    try:
        release(session, charge)
        session.commit()
    except HoldEndedError:
        session.rollback()
    except (SQLAlchemyError, OSError) as error:
        # The caller gets the error of the work. A task settles the charge when it has expired.
        log.warning("charge_left_behind", hold=str(charge.hold_id), error=str(error)[:200])


def _from_hold(user_id: UUID, rate: RateRead, hold: HoldRead) -> Charge:
    paid = hold.state is HoldState.COMMITTED
    return Charge(user_id, rate, hold.amount, None if paid else hold.id)


def _hold_duration(fingerprint: str | None) -> timedelta:
    """The time after which a charge counts as left behind.

    A task is delivered again after the visibility timeout, if its worker has died.
    """
    if fingerprint:
        return timedelta(minutes=load_settings(CreditSettings).stale_minutes)
    return timedelta(seconds=2 * get_settings().celery_visibility_timeout)


def _count_charge(session: Session, account: LockedAccount) -> None:
    limit = account.daily_charges
    if limit is None:
        return
    values = {"account": account.user_id, "day": periods.today(), "limit": limit}
    if not session.connection().execute(_COUNT_CHARGE, values).rowcount:
        raise DailyLimitError(account.tier, limit, periods.midnight())
