"""One try to deliver a mail."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from email.message import EmailMessage
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.database.models import utcnow
from app.core.logging import get_logger
from app.core.settings import load_settings
from app.core.tasks import SkipRunError, TaskError
from app.extensions.email.catalog import mail_class
from app.extensions.email.models import MailRecord, MailState, Reason
from app.extensions.email.recipients import blocked, suppress
from app.extensions.email.render import message, render
from app.extensions.email.schemas import Mail
from app.extensions.email.settings import EmailSettings
from app.extensions.email.signing import preferences_url
from app.extensions.email.transports import (
    DeliveryError,
    InactiveRecipientError,
    Receipt,
    create_transport,
)

# Pauses grow to ten minutes, see `core.tasks.records`: all tries take about three hours.
TRIES = 24
SECONDS = 60.0  # for one try, however slowly the server answers
# The sender of a request can read the reason of a task, and must not learn about the recipient.
NOT_DELIVERED = "The mail could not be delivered."

log = get_logger(__name__)


async def deliver(session: AsyncSession, mail_id: UUID) -> None:
    """Deliver a mail to the recipients that do not have it yet. The task commits.

    A second run that begins at the same time waits for the lock, and then finds the mail sent. If a
    worker dies after the server has taken the mail and before this is recorded, the next run sends
    it again: with the same Message-ID, and with the key by which Resend sends it only once.

    Raises:
        SkipRunError: there is nothing to do.
        TaskError: the mail has failed for good.
        DeliveryError: another try may succeed.
    """
    record = await session.get(MailRecord, mail_id, with_for_update=True)
    if record is None or record.state is not MailState.QUEUED or record.data is None:
        raise SkipRunError
    mail = mail_class(record.name).model_validate(record.data)
    outcomes = await session.run_sync(blocked, mail) | record.outcomes
    waiting = [address for address in mail.recipients if address not in outcomes]
    error: DeliveryError | None = None
    if waiting:
        try:
            receipt = await _hand_over(mail, record, waiting)
        except DeliveryError as refused:
            error = refused
            if refused.final:
                outcomes |= dict.fromkeys(waiting, f"refused: {refused}")
            if isinstance(refused, InactiveRecipientError) and _is_meant(mail, waiting):
                await suppress(session, waiting[0], Reason.BOUNCE, str(refused))
        else:
            record.provider_id = receipt.provider_id or record.provider_id
            for address in waiting:
                refusal = receipt.refused.get(address)
                if refusal is None:
                    outcomes[address] = MailState.SENT.value
                    continue
                error = DeliveryError(refusal.text, final=refusal.final)
                if refusal.final:
                    outcomes[address] = f"refused: {error}"
    record.outcomes = outcomes
    await _conclude(session, record, error, open_=not outcomes.keys() >= set(mail.recipients))


def _is_meant(mail: Mail, waiting: Sequence[str]) -> bool:
    """Whether the only recipient is the inactive one, and inactive for all mails.

    It may be the sandbox or one of several; and a recipient who has unsubscribed at the provider is
    inactive only for mails that one can switch off.
    """
    sandbox = load_settings(EmailSettings).sandbox
    return len(waiting) == 1 and not sandbox and not mail.category.optional


async def _conclude(
    session: AsyncSession, record: MailRecord, error: DeliveryError | None, *, open_: bool
) -> None:
    """Set the state of a mail after a try; with an error, commit and raise."""
    if error:
        record.attempts += 1
        record.error = str(error)
    if open_ and record.attempts < TRIES:
        await session.commit()
        assert error  # nothing else leaves a recipient waiting
        raise error
    sent = MailState.SENT.value in record.outcomes.values()
    refused = open_ or any(each.startswith("refused: ") for each in record.outcomes.values())
    if not refused:
        record.state = MailState.SENT if sent else MailState.SUPPRESSED
        record.sent_at = utcnow() if sent else None
        record.data = None
        return
    record.state = MailState.PARTLY_SENT if sent else MailState.FAILED
    record.sent_at = utcnow() if sent else None
    log.error("mail_refused", mail=record.name, mail_id=str(record.id), reason=record.error)
    await session.commit()
    raise TaskError(NOT_DELIVERED)


async def _hand_over(mail: Mail, record: MailRecord, waiting: Sequence[str]) -> Receipt:
    settings = load_settings(EmailSettings)
    transport, built = create_transport(settings), compose(mail, record)
    # A try for the rest of the recipients is another message for a provider.
    key = f"{record.id}:{len(waiting)}"
    sandbox = settings.sandbox
    try:
        async with asyncio.timeout(SECONDS):
            receipt = await transport.send(built, [sandbox] if sandbox else waiting, key=key)
    except TimeoutError as error:
        raise DeliveryError(f"The server needs more than {SECONDS} seconds.") from error
    refusal = receipt.refused.get(sandbox) if sandbox else None
    return replace(receipt, refused=dict.fromkeys(waiting, refusal)) if refusal else receipt


def compose(mail: Mail, record: MailRecord) -> EmailMessage:
    """Build the message of a mail, the same for each try."""
    settings = load_settings(EmailSettings)
    url = None
    if mail.category.optional:
        url = preferences_url(mail.recipients[0], mail.category.name)
    content = render(mail, unsubscribe_url=url)
    return message(
        content,
        mail,
        sent_to=(settings.sandbox,) if settings.sandbox else mail.recipients,
        message_id=f"{record.id}@{settings.domain}",
        date=record.created_at,
        unsubscribe_url=url,
    )
