"""Holds: credits set aside, then taken, in whole or in part, or given back. Each ends once."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, bindparam, func, insert, select, update
from sqlalchemy.orm import Session

from app.core.database.models import utcnow
from app.core.errors import InvalidError, NotFoundError
from app.extensions.credits.errors import HoldEndedError
from app.extensions.credits.models import Hold, HoldState, Kind, Unfinished, accounts, holds
from app.extensions.credits.schemas import HoldRead, TransactionRead
from app.extensions.credits.service.accounts import locked
from app.extensions.credits.service.ledger import LockedAccount, lock_some, post

_SHOWN = [holds.c[name] for name in HoldRead.model_fields]
_INSERT = insert(holds).returning(*_SHOWN)
_BY_KEY = select(*_SHOWN, holds.c.fingerprint).where(
    holds.c.user_id == bindparam("user_id"),
    holds.c.idempotency_key == bindparam("key"),
    holds.c.state.in_((HoldState.ACTIVE, HoldState.COMMITTED)),
)
_EXTEND = update(holds).where(holds.c.id == bindparam("hold"))
_EXTEND = _EXTEND.values(expires_at=bindparam("until"))
# Without a figure, all of it.
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
_OVERDUE = (
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
    session: Session, user_id: UUID, amount: int, reason: str, *, lasts: timedelta
) -> HoldRead:
    """Set credits aside for `lasts`, for something that has no rate.

    Raises:
        InsufficientCreditsError: they are not there.
    """
    return set_aside(session, locked(session, user_id), amount, reason=reason, lasts=lasts)


def set_aside(
    session: Session,
    account: LockedAccount,
    amount: int,
    *,
    reason: str,
    lasts: timedelta,
    operation: str | None = None,
    unfinished: Unfinished = Unfinished.RELEASE,
    key: str | None = None,
    fingerprint: str | None = None,
    reference: str | None = None,
) -> HoldRead:
    """The same for a locked account, and for an operation: a charge.

    Raises:
        InsufficientCreditsError: they are not there.
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
        expires_at=utcnow() + lasts,
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
    row = session.connection().execute(_INSERT, hold.model_dump()).one()
    return HoldRead.model_validate(row)


def by_key(session: Session, user_id: UUID, key: str) -> tuple[HoldRead, str | None] | None:
    """Return the active or committed hold of a key, and the fingerprint of its request."""
    values = {"user_id": user_id, "key": key}
    row = session.connection().execute(_BY_KEY, values).one_or_none()
    return (HoldRead.model_validate(row), row.fingerprint) if row else None


def extend(session: Session, hold_id: UUID, lasts: timedelta) -> None:
    """Let a hold last `lasts` from now on."""
    session.connection().execute(_EXTEND, {"hold": hold_id, "until": utcnow() + lasts})


def commit(
    session: Session, user_id: UUID, hold_id: UUID, used: int | None = None
) -> TransactionRead:
    """Take `used` of a hold, by default all, give the rest back, and return the deduction.

    Raises:
        HoldEndedError: it has ended already.
        InvalidError: more was used than held.
        NotFoundError: there is no such hold of this user.
    """
    return _commit(session, locked(session, user_id), hold_id, used)


def release(session: Session, user_id: UUID, hold_id: UUID) -> TransactionRead:
    """Give a hold back and return the entry that does.

    Raises:
        HoldEndedError: it has ended already.
        NotFoundError: there is no such hold of this user.
    """
    return _release(session, locked(session, user_id), hold_id, HoldState.RELEASED)


def end_overdue(session: Session, *, charges: bool) -> int:
    """End what has expired, of a batch of accounts; return how many accounts there were.

    Args:
        session: committed by the caller.
        charges: holds with an operation, each as its rate said (`Unfinished`); else those without,
            which are given back.
    """
    overdue = select(holds.c.user_id).where(
        holds.c.state == HoldState.ACTIVE,
        holds.c.expires_at <= func.now(),
        holds.c.operation.is_not(None) == charges,
    )
    batch = lock_some(session, accounts.c.user_id.in_(overdue))
    for account in batch:
        values = {"user_id": account.user_id, "charges": charges}
        for hold in session.connection().execute(_OVERDUE, values).all():
            if hold.unfinished is Unfinished.COMMIT:
                _commit(session, account, hold.id, None)
            else:
                _release(session, account, hold.id, HoldState.EXPIRED)
    return len(batch)


def owner(session: Session, hold_id: UUID) -> UUID:
    """Return whose hold it is.

    Raises:
        NotFoundError: there is none.
    """
    statement = select(holds.c.user_id).where(holds.c.id == hold_id)
    found: UUID | None = session.connection().execute(statement).scalar_one_or_none()
    if found is None:
        raise _not_found()
    return found


def _commit(
    session: Session, account: LockedAccount, hold_id: UUID, used: int | None
) -> TransactionRead:
    hold = _end(session, account, hold_id, HoldState.COMMITTED, used)
    _give_back(session, account, hold_id, hold)
    return post(
        session,
        account,
        Kind.DEDUCTION,
        -hold.used,
        allowance=-hold.used,
        reason=hold.reason,
        operation=hold.operation,
        reference=str(hold_id),
    )


def _release(
    session: Session, account: LockedAccount, hold_id: UUID, state: HoldState
) -> TransactionRead:
    return _give_back(session, account, hold_id, _end(session, account, hold_id, state, 0))


def _give_back(
    session: Session, account: LockedAccount, hold_id: UUID, hold: Any
) -> TransactionRead:
    return post(
        session,
        account,
        Kind.RELEASE,
        hold.amount,
        held=-hold.amount,
        reason=hold.reason,
        operation=hold.operation,
        reference=str(hold_id),
    )


def _end(
    session: Session, account: LockedAccount, hold_id: UUID, state: HoldState, used: int | None
) -> Any:
    values = {"hold": hold_id, "account": account.user_id, "to": state, "taken": used}
    row = session.connection().execute(_END, values).one_or_none()
    if row is None:
        statement = select(holds.c.state, holds.c.amount).where(
            holds.c.id == hold_id, holds.c.user_id == account.user_id
        )
        found = session.connection().execute(statement).one_or_none()
        if found is None:
            raise _not_found()
        if found.state is HoldState.ACTIVE:
            raise InvalidError(f"{used} of {found.amount} held credits cannot be taken.")
        raise HoldEndedError
    return row


def _not_found() -> NotFoundError:
    return NotFoundError("There is no such hold.", code="hold_not_found")
