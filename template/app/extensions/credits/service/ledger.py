"""The ledger: locked accounts, and `post`, the only function that changes a balance."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Executable, Uuid, bindparam, func, insert, select, update
from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from app.core.database import execute
from app.extensions.credits.errors import InsufficientCreditsError
from app.extensions.credits.models import Kind, accounts, tiers, transactions
from app.extensions.credits.schemas import TransactionRead

BATCH = 100  # accounts that one run of a periodic task locks


@dataclass(frozen=True)
class LockedAccount:
    """An account that this transaction has locked, with the values of its tier."""

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
    """Lock an account until the transaction ends; return None if there is none."""
    row = find_row(session, _ONE, user_id=user_id)
    return LockedAccount(**row) if row else None


def lock_batch(session: Session, condition: Any) -> Sequence[LockedAccount]:
    """Lock up to `BATCH` accounts and skip locked ones, so that concurrent runs share the work."""
    statement = _LOCKED.where(condition).limit(BATCH)
    skipping = statement.with_for_update(of=accounts, skip_locked=True)
    return [LockedAccount(**row) for row in session.connection().execute(skipping).mappings()]


def find_row(session: Session, statement: Executable, **values: Any) -> dict[str, Any] | None:
    """Execute a statement, compiled once, that returns one row or none; return the row."""
    rows = execute(session.connection(), statement, values, session=session)
    return rows[0] if rows else None


# One statement changes the account and inserts the entry, so neither happens without the other.
_UPDATED = (
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
    .cte("updated")
)
_VALUES = {
    name: bindparam(f"entry_{name}", type_=transactions.c[name].type)
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
        ["user_id", "position", "balance_after", "amount", *_VALUES],
        select(
            _UPDATED.c.user_id,
            _UPDATED.c.entries,
            _UPDATED.c.balance,
            bindparam("by", type_=BigInteger),
            *_VALUES.values(),
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
    """Change the balance by `amount`, insert the entry and return it.

    Args:
        session: the transaction that has locked the account.
        account: the account whose balance changes.
        kind: the kind of entry. It determines the sign of `amount`, see `Kind`.
        amount: credits.
        reason: a text for the owner.
        held: change of the credits that are held.
        allowance: change of the unspent allocation, which stays at 0 or above.
        operation: the operation that the credits pay for.
        reference: an id of the caller's choice: of a hold, an order, a month.
        key: idempotency key. A second entry with it fails, so call `find_by_key` first.
        details: more facts about the entry, as JSON.

    Raises:
        InsufficientCreditsError: the balance would be negative.
    """
    values = {
        "account": account.user_id,
        "by": amount,
        "by_held": held,
        "by_allowance": allowance,
        "entry_id": uuid7(),
        "entry_kind": kind,
        "entry_operation": operation,
        "entry_reason": reason,
        "entry_reference": reference,
        "entry_idempotency_key": key,
        "entry_details": details or {},
    }
    row = find_row(session, _POST, **values)
    if row is None:
        raise InsufficientCreditsError(-amount, _balance(session, account.user_id))
    return TransactionRead.model_validate(row)


def find_by_key(session: Session, user_id: UUID, key: str) -> TransactionRead | None:
    """Return the entry of an idempotency key. The caller has locked the account."""
    row = find_row(session, _BY_KEY, user_id=user_id, key=key)
    return TransactionRead.model_validate(row) if row else None


def _balance(session: Session, user_id: UUID) -> int:
    # The locked account is a snapshot, and this transaction may have changed the row since.
    statement = select(accounts.c.balance).where(accounts.c.user_id == user_id)
    return int(session.connection().execute(statement).scalar_one())
