"""Holds: credits that are reserved, then taken completely or in part, or released.

Each hold ends exactly once.
"""

from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, bindparam, func, insert, or_, select, update
from sqlalchemy.orm import Session

from app.core.database.models import utcnow
from app.core.errors import InvalidError, NotFoundError
from app.extensions.credits.errors import HoldEndedError
from app.extensions.credits.models import Hold, HoldState, Kind, Unfinished, accounts, holds
from app.extensions.credits.schemas import HoldRead, TransactionRead
from app.extensions.credits.service.accounts import lock_or_open
from app.extensions.credits.service.ledger import LockedAccount, find_row, lock_batch, post

_SHOWN = [holds.c[name] for name in HoldRead.model_fields]
_INSERT = insert(holds).returning(*_SHOWN)
_BY_KEY = select(*_SHOWN, holds.c.fingerprint).where(
    holds.c.user_id == bindparam("user_id"),
    holds.c.idempotency_key == bindparam("key"),
    or_(holds.c.state == HoldState.ACTIVE, holds.c.state == HoldState.COMMITTED),
)
_EXTEND = update(holds).where(holds.c.id == bindparam("hold"))
_EXTEND = _EXTEND.values(expires_at=bindparam("until"))
# NULL stands for the whole amount.
_TAKEN = func.coalesce(bindparam("taken", type_=BigInteger), holds.c.amount)
_END = (
    update(holds)
    .where(
        holds.c.id == bindparam("hold"),
        holds.c.user_id == bindparam("account"),
        holds.c.state == HoldState.ACTIVE,
        _TAKEN.between(0, holds.c.amount),
    )
    .values(state=bindparam("to"), used=_TAKEN, ended_at=func.clock_timestamp())
    .returning(holds.c.amount, holds.c.used, holds.c.operation, holds.c.reason)
)
_EXPIRED = (
    select(holds.c.id, holds.c.amount, holds.c.unfinished)
    .where(
        holds.c.user_id == bindparam("user_id"),
        holds.c.state == HoldState.ACTIVE,
        holds.c.expires_at <= func.now(),
        holds.c.operation.is_not(None) == bindparam("charges"),
    )
    .order_by(holds.c.id)
)


def place(
    session: Session, user_id: UUID, amount: int, reason: str, *, duration: timedelta
) -> HoldRead:
    """Hold credits for `duration`, for something that has no rate.

    Raises:
        InsufficientCreditsError: the balance is too low.
    """
    account = lock_or_open(session, user_id)
    return place_on(session, account, amount, reason=reason, duration=duration)


def place_on(
    session: Session,
    account: LockedAccount,
    amount: int,
    *,
    reason: str,
    duration: timedelta,
    operation: str | None = None,
    unfinished: Unfinished = Unfinished.RELEASE,
    key: str | None = None,
    fingerprint: str | None = None,
    reference: str | None = None,
) -> HoldRead:
    """Hold credits of a locked account. A hold with an operation is a charge.

    Raises:
        InsufficientCreditsError: the balance is too low.
    """
    hold = Hold(
        user_id=account.user_id,
        amount=amount,
        operation=operation,
        unfinished=unfinished,
        reason=reason,
        reference=reference,
        idempotency_key=key,
        fingerprint=fingerprint,
        expires_at=utcnow() + duration,
    )
    post(
        session,
        account,
        Kind.HOLD,
        -amount,
        held=amount,
        reason=reason,
        operation=operation,
        reference=str(hold.id),
    )
    return HoldRead.model_validate(find_row(session, _INSERT, **hold.model_dump()))


def find_by_key(session: Session, user_id: UUID, key: str) -> tuple[HoldRead, str | None] | None:
    """Return the active or committed hold of a key, and the fingerprint of its request."""
    row = find_row(session, _BY_KEY, user_id=user_id, key=key)
    return (HoldRead.model_validate(row), row["fingerprint"]) if row else None


def extend(session: Session, hold_id: UUID, duration: timedelta) -> None:
    """Let a hold expire after `duration` from now."""
    session.connection().execute(_EXTEND, {"hold": hold_id, "until": utcnow() + duration})


def commit(
    session: Session, user_id: UUID, hold_id: UUID, used: int | None = None
) -> TransactionRead:
    """Take `used` credits of a hold, by default all, release the rest, and return the deduction.

    Raises:
        HoldEndedError: it has ended.
        InvalidError: `used` is more than the amount of the hold.
        NotFoundError: the user has no such hold.
    """
    return _commit(session, lock_or_open(session, user_id), hold_id, used)


def release(session: Session, user_id: UUID, hold_id: UUID) -> TransactionRead:
    """Release a hold and return its entry.

    Raises:
        HoldEndedError: it has ended.
        NotFoundError: the user has no such hold.
    """
    return _release(session, lock_or_open(session, user_id), hold_id, HoldState.RELEASED)


def release_by_id(session: Session, hold_id: UUID) -> TransactionRead:
    """Release a hold of any user and return its entry.

    Raises:
        HoldEndedError: it has ended.
        NotFoundError: there is no such hold.
    """
    statement = select(holds.c.user_id).where(holds.c.id == hold_id)
    user_id: UUID | None = session.connection().execute(statement).scalar_one_or_none()
    if user_id is None:
        raise _not_found()
    return release(session, user_id, hold_id)


def end_expired(session: Session, *, charges: bool) -> int:
    """End the expired holds of a batch of accounts; return the number of accounts.

    Args:
        session: the caller commits it.
        charges: true for holds with an operation, which are committed or released as their rate
            requires (`Unfinished`); false for the others, which are released.
    """
    expired = select(holds.c.user_id).where(
        holds.c.state == HoldState.ACTIVE,
        holds.c.expires_at <= func.now(),
        holds.c.operation.is_not(None) == charges,
    )
    batch = lock_batch(session, accounts.c.user_id.in_(expired))
    for account in batch:
        values = {"user_id": account.user_id, "charges": charges}
        for hold in session.connection().execute(_EXPIRED, values).all():
            if hold.unfinished is Unfinished.COMMIT:
                _commit(session, account, hold.id, None)
            else:
                _release(session, account, hold.id, HoldState.EXPIRED)
    return len(batch)


def _commit(
    session: Session, account: LockedAccount, hold_id: UUID, used: int | None
) -> TransactionRead:
    hold = _end(session, account, hold_id, HoldState.COMMITTED, used)
    _return_credits(session, account, hold_id, hold)
    return post(
        session,
        account,
        Kind.DEDUCTION,
        -hold["used"],
        allowance=-hold["used"],
        reason=hold["reason"],
        operation=hold["operation"],
        reference=str(hold_id),
    )


def _release(
    session: Session, account: LockedAccount, hold_id: UUID, state: HoldState
) -> TransactionRead:
    return _return_credits(session, account, hold_id, _end(session, account, hold_id, state, 0))


def _return_credits(
    session: Session, account: LockedAccount, hold_id: UUID, hold: dict[str, Any]
) -> TransactionRead:
    return post(
        session,
        account,
        Kind.RELEASE,
        hold["amount"],
        held=-hold["amount"],
        reason=hold["reason"],
        operation=hold["operation"],
        reference=str(hold_id),
    )


def _end(
    session: Session, account: LockedAccount, hold_id: UUID, state: HoldState, used: int | None
) -> dict[str, Any]:
    row = find_row(session, _END, hold=hold_id, account=account.user_id, to=state, taken=used)
    if row is None:
        statement = select(holds.c.state, holds.c.amount).where(
            holds.c.id == hold_id, holds.c.user_id == account.user_id
        )
        found = session.connection().execute(statement).one_or_none()
        if found is None:
            raise _not_found()
        if found.state is HoldState.ACTIVE:
            raise InvalidError(f"The hold has {found.amount} credits; {used} cannot be taken.")
        raise HoldEndedError
    return row


def _not_found() -> NotFoundError:
    return NotFoundError("There is no such hold.", code="hold_not_found")
