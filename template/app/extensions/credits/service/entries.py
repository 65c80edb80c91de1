"""Grants and corrections: the entries that admins make."""

from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from app.core.errors import ConflictError, InvalidError
from app.extensions.credits.errors import InsufficientCreditsError, KeyReusedError
from app.extensions.credits.models import Kind
from app.extensions.credits.schemas import TransactionRead
from app.extensions.credits.service import accounts, ledger


def grant(
    session: Session,
    user_id: UUID,
    amount: int,
    reason: str,
    *,
    key: str | None = None,
    reference: str | None = None,
    details: dict[str, Any] | None = None,
) -> TransactionRead:
    """Add credits. With the `key` of an earlier call, return the entry of that call.

    Raises:
        KeyReusedError: the key belongs to another entry.
    """
    return _post(session, user_id, Kind.ADDITION, amount, reason, key, reference, details)


def adjust(
    session: Session,
    user_id: UUID,
    amount: int,
    reason: str,
    *,
    key: str | None = None,
    details: dict[str, Any] | None = None,
) -> TransactionRead:
    """Correct a balance, up or down. With the `key` of an earlier call, return its entry.

    Raises:
        InvalidError: the amount is 0.
        ConflictError: the balance would be negative.
        KeyReusedError: the key belongs to another entry.
    """
    if not amount:
        raise InvalidError("The amount of a correction must not be 0.", code="amount_is_zero")
    try:
        return _post(session, user_id, Kind.ADJUSTMENT, amount, reason, key, None, details)
    except InsufficientCreditsError as error:
        raise ConflictError(
            f"The balance is {error.available}. No more can be taken.", code="balance_too_low"
        ) from error


def _post(
    session: Session,
    user_id: UUID,
    kind: Kind,
    amount: int,
    reason: str,
    key: str | None,
    reference: str | None,
    details: dict[str, Any] | None,
) -> TransactionRead:
    account = accounts.lock_or_open(session, user_id)
    if key and (earlier := ledger.find_by_key(session, user_id, key)):
        if (earlier.kind, earlier.amount, earlier.reason) != (kind, amount, reason):
            raise KeyReusedError
        return earlier
    return ledger.post(
        session,
        account,
        kind,
        amount,
        # A deduction reduces the allocation first.
        allowance=min(amount, 0),
        reason=reason,
        reference=reference,
        key=key,
        details=details,
    )
