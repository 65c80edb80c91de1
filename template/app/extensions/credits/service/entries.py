"""Entries that somebody makes on purpose: grants and corrections."""

from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from app.core.errors import ConflictError
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
    """Add credits; with the `key` of an earlier call, return that one's entry.

    Raises:
        KeyReusedError: the key belongs to another entry.
    """
    return _entry(session, user_id, Kind.ADDITION, amount, reason, key, reference, details)


def adjust(
    session: Session,
    user_id: UUID,
    amount: int,
    reason: str,
    *,
    key: str | None = None,
    details: dict[str, Any] | None = None,
) -> TransactionRead:
    """Correct a balance, up or down; with the `key` of an earlier call, return that one's entry.

    Raises:
        ConflictError: so much is not there to be taken.
        KeyReusedError: the key belongs to another entry.
    """
    try:
        return _entry(session, user_id, Kind.ADJUSTMENT, amount, reason, key, None, details)
    except InsufficientCreditsError as error:
        raise ConflictError(
            f"The balance is {error.available}: no more can be taken.", code="balance_too_low"
        ) from error


def _entry(
    session: Session,
    user_id: UUID,
    kind: Kind,
    amount: int,
    reason: str,
    key: str | None,
    reference: str | None,
    details: dict[str, Any] | None,
) -> TransactionRead:
    account = accounts.locked(session, user_id)
    if key and (earlier := ledger.by_key(session, user_id, key)):
        if (earlier.kind, earlier.amount, earlier.reason) != (kind, amount, reason):
            raise KeyReusedError
        return earlier
    return ledger.post(
        session,
        account,
        kind,
        amount,
        # What is taken is taken from the allocation first.
        allowance=min(amount, 0),
        reason=reason,
        reference=reference,
        key=key,
        details=details,
    )
