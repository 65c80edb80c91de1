"""The ledger: the one function that moves a balance, and what it may rest on, a locked account."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Uuid, bindparam, func, insert, select, update
from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from app.extensions.credits.errors import InsufficientCreditsError
from app.extensions.credits.models import Kind, accounts, tiers, transactions
from app.extensions.credits.schemas import TransactionRead

BATCH = 100  # accounts that one run of a periodic task locks at once


@dataclass(frozen=True)
class LockedAccount:
    """An account as it is until this transaction ends, and what its tier says."""

    user_id: UUID
    tier: str
    balance: int
    held: int
    allowance: int
    allocated_month: date | None
    allocation: int
    rollover: int | None
    daily_charges: int | None


_LOCKED = (
    select(
        *(
            accounts.c[name]
            for name in ("user_id", "tier", "balance", "held", "allowance", "allocated_month")
        ),
        tiers.c.allocation,
        tiers.c.rollover,
        tiers.c.daily_charges,
    )
    .join(tiers, tiers.c.name == accounts.c.tier)
    .order_by(accounts.c.user_id)
)
_ONE = _LOCKED.where(accounts.c.user_id == bindparam("user_id")).with_for_update(of=accounts)


def lock(session: Session, user_id: UUID) -> LockedAccount | None:
    """Lock an account until the transaction ends, or return None where there is none."""
    row = session.connection().execute(_ONE, {"user_id": user_id}).mappings().one_or_none()
    return LockedAccount(**row) if row else None


def lock_some(session: Session, condition: Any) -> Sequence[LockedAccount]:
    """Lock up to `BATCH` accounts that nobody else has locked; more runs share the work."""
    statement = _LOCKED.where(condition).limit(BATCH)
    skipping = statement.with_for_update(of=accounts, skip_locked=True)
    return [LockedAccount(**row) for row in session.connection().execute(skipping).mappings()]


# The account moves and the entry is written by one statement: neither is there without the other.
_MOVED = (
    update(accounts)
    .where(
        accounts.c.user_id == bindparam("account", type_=Uuid),
        accounts.c.balance + bindparam("by", type_=BigInteger) >= 0,
    )
    .values(
        balance=accounts.c.balance + bindparam("by", type_=BigInteger),
        held=accounts.c.held + bindparam("by_held", type_=BigInteger),
        allowance=func.greatest(
            accounts.c.allowance + bindparam("by_allowance", type_=BigInteger), 0
        ),
        entries=accounts.c.entries + 1,
        updated_at=func.clock_timestamp(),
    )
    .returning(accounts.c.user_id, accounts.c.entries, accounts.c.balance)
    .cte("moved")
)
_GIVEN = {
    name: bindparam(f"its_{name}", type_=transactions.c[name].type)
    for name in (
        "id",
        "kind",
        "operation",
        "reason",
        "reference",
        "idempotency_key",
        "details",
    )
}
_SHOWN = [transactions.c[name] for name in TransactionRead.model_fields]
_POST = (
    insert(transactions)
    .from_select(
        ["user_id", "position", "balance_after", "amount", *_GIVEN],
        select(
            _MOVED.c.user_id,
            _MOVED.c.entries,
            _MOVED.c.balance,
            bindparam("by", type_=BigInteger),
            *_GIVEN.values(),
        ),
        include_defaults=False,
    )
    .returning(*_SHOWN)
)
_BY_KEY = select(*_SHOWN).where(
    transactions.c.user_id == bindparam("user_id"),
    transactions.c.idempotency_key == bindparam("key"),
)


def post(
    session: Session,
    account: LockedAccount,
    kind: Kind,
    amount: int,
    *,
    reason: str,
    held: int = 0,
    allowance: int = 0,
    operation: str | None = None,
    reference: str | None = None,
    key: str | None = None,
    details: dict[str, Any] | None = None,
) -> TransactionRead:
    """Move the balance by `amount`, write the entry and return it.

    Args:
        session: the transaction in which the account was locked.
        account: whose balance.
        kind: the sign of `amount` follows from it: see `Kind`.
        amount: credits.
        reason: in words, for the owner.
        held: credits by which what is set aside changes as well.
        allowance: the same for the unspent allocation, which never falls below 0.
        operation: what the credits went on.
        reference: an id of the caller's: of a hold, an order, a month.
        key: makes a second entry with it fail; look for it first, see `by_key`.
        details: for whoever reads the books; JSON.

    Raises:
        InsufficientCreditsError: the balance would fall below 0.
    """
    values = {
        "account": account.user_id,
        "by": amount,
        "by_held": held,
        "by_allowance": allowance,
        "its_id": uuid7(),
        "its_kind": kind,
        "its_operation": operation,
        "its_reason": reason,
        "its_reference": reference,
        "its_idempotency_key": key,
        "its_details": details or {},
    }
    row = session.connection().execute(_POST, values).one_or_none()
    if row is None:
        raise InsufficientCreditsError(-amount, _balance(session, account.user_id))
    return TransactionRead.model_validate(row)


def by_key(session: Session, user_id: UUID, key: str) -> TransactionRead | None:
    """Return the entry of that idempotency key; certain while the account is locked."""
    values = {"user_id": user_id, "key": key}
    row = session.connection().execute(_BY_KEY, values).one_or_none()
    return TransactionRead.model_validate(row) if row else None


def _balance(session: Session, user_id: UUID) -> int:
    # Not the locked account's: this transaction may have moved it since.
    statement = select(accounts.c.balance).where(accounts.c.user_id == user_id)
    return int(session.connection().execute(statement).scalar_one())
