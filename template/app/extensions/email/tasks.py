"""Tasks of this feature."""

from datetime import timedelta
from uuid import UUID

from sqlmodel import Session, col, delete
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.database.models import utcnow
from app.core.settings import load_settings
from app.core.tasks import task
from app.extensions.email import delivery
from app.extensions.email.models import MailRecord, MailState
from app.extensions.email.settings import EmailSettings


@task(tries=delivery.TRIES + 1)
async def deliver(session: AsyncSession, mail_id: UUID) -> None:
    """Deliver one mail, see `delivery`."""
    await delivery.deliver(session, mail_id)


@task()
def delete_old(session: Session) -> None:
    """Delete the records of old mails. Their idempotency keys are free again."""
    before = utcnow() - timedelta(days=load_settings(EmailSettings).keep_days)
    session.exec(
        delete(MailRecord).where(
            col(MailRecord.created_at) < before, col(MailRecord.state) != MailState.QUEUED
        )
    )
