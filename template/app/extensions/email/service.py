"""Sends mails.

    await send(session, OrderShipped(to=user.email, number=order.number), key=f"shipped:{order.id}")

`send` belongs to the caller's transaction: a mail of a transaction that was rolled back is never
sent, and one that was committed is not lost.
"""

from typing import Any
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.errors import ConflictError, NotFoundError
from app.core.logging import get_logger
from app.core.tasks import enqueue
from app.extensions.email.models import MailRecord, MailState, Reason
from app.extensions.email.recipients import UNWANTED, blocked, subscribers
from app.extensions.email.schemas import Attachment, Category, Mail, normalize
from app.extensions.email.tasks import deliver

__all__ = [
    "Attachment",
    "Category",
    "Mail",
    "MailRecord",
    "MailState",
    "mailable",
    "queue",
    "retry",
    "send",
    "subscribers",
]

log = get_logger(__name__)


def mailable(address: str | None) -> str | None:
    """Return the address of a user as mails need it, or None if no mail can be sent to it.

    Supabase Auth accepts addresses that no server takes. They must not stop what a mail tells of,
    so they are only logged.
    """
    try:
        return normalize(address) if address else None
    except ValueError as error:
        log.warning("address_not_mailable", address=address, reason=str(error))
        return None


async def send(session: AsyncSession, mail: Mail, *, key: str | None = None) -> MailRecord:
    """Send a mail once the session's transaction is committed. See `queue`."""
    return await session.run_sync(queue, mail, key=key)


def queue(session: Session, mail: Mail, *, key: str | None = None) -> MailRecord:
    """Send a mail once the session's transaction is committed.

    Args:
        session: of the caller, who commits.
        mail: what to send.
        key: of several mails with the same key, only the first is sent.

    Returns:
        The record of the mail. Its state is `suppressed` if the address has bounced or complained,
        or if the recipient does not want this category: then nothing is sent. `outcomes` names the
        recipients that are left out. A mail that its recipient does not want is not stored.
    """
    outcomes = blocked(session, mail)
    suppressed = len(outcomes) == len(mail.recipients)
    record = MailRecord(
        name=mail.key(),
        category=mail.category.name,
        idempotency_key=key,
        recipients=list(mail.recipients),
        outcomes=outcomes,
        data=None if suppressed else mail.model_dump(mode="json", exclude_defaults=True),
        state=MailState.SUPPRESSED if suppressed else MailState.QUEUED,
    )
    if UNWANTED in outcomes.values():
        return record
    # A statement, because another transaction may insert the key at the same time.
    statement: Any = insert(MailRecord).values(**record.model_dump())
    statement = statement.on_conflict_do_nothing(index_elements=["idempotency_key"])
    inserted: MailRecord | None = session.scalars(statement.returning(MailRecord)).first()
    if inserted is None:
        existing = select(MailRecord).where(col(MailRecord.idempotency_key) == key)
        return session.scalars(existing).one()
    if not suppressed:
        enqueue(session, deliver.s(inserted.id))
    return inserted


async def retry(session: AsyncSession, mail_id: UUID) -> MailRecord:
    """Send a mail again to those who do not have it yet. Commits.

    Raises:
        NotFoundError: there is no such mail.
        ConflictError: everybody has it, or must not get it.
    """
    record = await session.get(MailRecord, mail_id, with_for_update=True)
    if record is None:
        raise NotFoundError("There is no such mail.", code="mail_not_found")
    if record.data is None:
        raise ConflictError("This mail was sent.", code="mail_not_failed")
    record.state = MailState.QUEUED
    record.attempts = 0
    record.outcomes = {
        address: outcome
        for address, outcome in record.outcomes.items()
        if outcome in (MailState.SENT, UNWANTED, *Reason)
    }
    enqueue(session, deliver.s(record.id))
    await session.commit()
    return record
