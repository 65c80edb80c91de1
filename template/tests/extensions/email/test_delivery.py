"""From `send` to the mail server: one mail, or the words of the server."""

from collections.abc import Callable
from uuid import uuid4

import pytest
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.errors import ConflictError, NotFoundError
from app.core.tasks import SkipRunError, TaskError
from app.core.tasks.models import TaskRecord
from app.extensions.email import delivery, service
from app.extensions.email.models import MailRecord, MailState, Reason, Suppression
from app.extensions.email.recipients import release, set_preference, suppress
from app.extensions.email.schemas import Attachment, Mail
from app.extensions.email.transports import DeliveryError
from devstack.inbox import InboxServer
from tests.extensions.email import providers
from tests.extensions.email.conftest import Configure
from tests.extensions.email.shop import news, report, shipped

ADA, BOB, CY = "ada@example.com", "bob@example.com", "cy@example.com"


async def sent(session: AsyncSession, mail: Mail) -> MailRecord:
    """Send a mail, and run its task once."""
    record = await service.send(session, mail)
    await delivery.deliver(session, record.id)
    return record


async def refused(session: AsyncSession, mail: Mail, *, final: bool) -> MailRecord:
    """Send a mail that the server refuses."""
    record = await service.send(session, mail)
    with pytest.raises(TaskError if final else DeliveryError):
        await delivery.deliver(session, record.id)
    return record


async def test_a_mail_arrives_and_its_values_are_forgotten(
    session: AsyncSession, server: InboxServer
) -> None:
    record = await sent(session, shipped(ADA, name="Åsa"))
    (mail,) = server.inbox
    assert mail.recipients == (ADA,)
    assert mail.subject == "Åsa, your order is on its way"
    assert mail.message["From"] == "Shop <shop@example.org>"
    assert mail.message["Message-ID"] == f"<{record.id}@example.org>"
    assert mail.message["Auto-Submitted"] == "auto-generated"
    assert "https://shop.example.com/1" in mail.html
    assert "https://shop.example.com/1" in mail.text
    assert (record.state, record.data, record.outcomes) == (MailState.SENT, None, {ADA: "sent"})


async def test_a_second_delivery_of_the_task_sends_nothing(
    session: AsyncSession, server: InboxServer
) -> None:
    record = await sent(session, shipped())
    with pytest.raises(SkipRunError):
        await delivery.deliver(session, record.id)
    assert len(server.inbox) == 1


async def test_one_mail_for_each_key(session: AsyncSession) -> None:
    key = uuid4().hex
    first = await service.send(session, shipped(ADA), key=key)
    second = await service.send(session, shipped(BOB), key=key)
    assert first.id == second.id
    assert second.recipients == [ADA]
    tasks = await session.exec(select(TaskRecord).where(TaskRecord.name == "email.deliver"))
    assert [task.arguments["mail_id"] for task in tasks] == [str(first.id)]


async def test_what_is_rolled_back_is_not_sent(session: AsyncSession) -> None:
    async with session.begin_nested() as savepoint:
        record = await service.send(session, shipped())
        await savepoint.rollback()
    found = await session.exec(select(MailRecord.id).where(col(MailRecord.id) == record.id))
    assert found.first() is None
    assert (await session.exec(select(TaskRecord.id))).first() is None


@pytest.mark.parametrize("answer", ["451 4.7.1 greylisted", "421 4.3.2 going down"])
async def test_a_temporary_refusal_is_tried_again(
    session: AsyncSession, server: InboxServer, answer: str
) -> None:
    server.handler.data = answer
    record = await refused(session, shipped(), final=False)
    assert (record.state, record.attempts) == (MailState.QUEUED, 1)
    assert answer[:3] in (record.error or "")
    server.handler.data = ""
    await delivery.deliver(session, record.id)
    assert record.state is MailState.SENT
    (mail,) = server.inbox
    assert str(record.id) in mail.message["Message-ID"]


async def test_the_last_try_is_a_dead_letter(
    session: AsyncSession, server: InboxServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "TRIES", 2)
    server.handler.answers[ADA] = "450 4.2.0 mailbox is busy"
    record = await refused(session, shipped(), final=False)
    with pytest.raises(TaskError):
        await delivery.deliver(session, record.id)
    assert record.state is MailState.FAILED
    assert record.error == "450 4.2.0 mailbox is busy"


async def test_a_final_refusal_keeps_the_words_and_can_be_retried(
    session: AsyncSession, server: InboxServer
) -> None:
    server.handler.answers[ADA] = "550 5.1.1 no such user"
    record = await refused(session, shipped(), final=True)
    assert (record.state, record.outcomes) == (
        MailState.FAILED,
        {ADA: "refused: 550 5.1.1 no such user"},
    )
    server.handler.answers.clear()
    await service.retry(session, record.id)
    await delivery.deliver(session, record.id)
    assert record.state is MailState.SENT
    with pytest.raises(ConflictError) as error:
        await service.retry(session, record.id)
    assert error.value.code == "mail_not_failed"
    with pytest.raises(NotFoundError):
        await service.retry(session, uuid4())


async def test_recipients_that_are_refused_are_told_apart(
    session: AsyncSession, server: InboxServer
) -> None:
    server.handler.answers |= {BOB: "550 5.1.1 no such user", CY: "451 4.7.1 later"}
    record = await refused(session, shipped((ADA, BOB, CY)), final=False)
    assert record.outcomes == {ADA: "sent", BOB: "refused: 550 5.1.1 no such user"}
    del server.handler.answers[CY]
    with pytest.raises(TaskError):
        await delivery.deliver(session, record.id)
    assert record.state.value == "partly_sent"
    assert [mail.recipients for mail in server.inbox] == [(ADA,), (CY,)]
    assert {mail.message["Message-ID"] for mail in server.inbox} == {f"<{record.id}@example.org>"}
    # A retry mails only the one who does not have it.
    server.handler.answers.clear()
    await service.retry(session, record.id)
    await delivery.deliver(session, record.id)
    assert [mail.recipients for mail in server.inbox] == [(ADA,), (CY,), (BOB,)]
    assert record.state is MailState.SENT


async def test_a_server_that_is_down(session: AsyncSession, configure: Configure) -> None:
    configure(url="smtp+plain://127.0.0.1:1")
    record = await refused(session, shipped(), final=False)
    assert record.state is MailState.QUEUED
    assert "127.0.0.1" in (record.error or "")


async def test_a_slow_server(
    session: AsyncSession, server: InboxServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "SECONDS", 0.3)
    server.handler.delay = 2
    record = await refused(session, shipped(), final=False)
    assert record.attempts == 1


async def test_without_a_transport(session: AsyncSession, configure: Configure) -> None:
    configure(url="")
    record = await refused(session, shipped(), final=False)
    assert "EMAIL_URL" in (record.error or "")


async def test_the_sandbox_gets_everything(
    session: AsyncSession, server: InboxServer, configure: Configure
) -> None:
    configure(sandbox="staging@example.org")
    record = await sent(session, shipped((ADA, BOB)))
    (mail,) = server.inbox
    assert mail.recipients == ("staging@example.org",)
    assert mail.message["To"] == "staging@example.org"
    assert mail.message["X-Original-To"] == f"{ADA}, {BOB}"
    assert record.outcomes == {ADA: "sent", BOB: "sent"}


@pytest.mark.parametrize(
    ("mail", "sandbox", "suppressed"),
    [
        (shipped, "", True),
        (shipped, "staging@example.org", False),
        (news, "", False),  # it may be inactive for such mails only
    ],
)
async def test_a_recipient_that_is_inactive_at_postmark(
    session: AsyncSession,
    configure: Configure,
    mail: Callable[[str], Mail],
    sandbox: str,
    suppressed: bool,
) -> None:
    with providers.running() as postmark:
        configure(url=f"postmark://key?api={postmark.url}", sandbox=sandbox)
        postmark.answers.append((422, {"ErrorCode": 406, "Message": "in\0active"}))
        record = await refused(session, mail(ADA), final=True)
    assert record.error == "422 406 inactive"
    assert (await session.get(Suppression, ADA) is not None) is suppressed


async def test_the_address_for_answers(
    session: AsyncSession, server: InboxServer, configure: Configure
) -> None:
    configure(reply_to="help@example.org")
    await sent(session, shipped())
    await sent(session, shipped(reply_to=BOB))
    assert [mail.message["Reply-To"] for mail in server.inbox] == ["help@example.org", BOB]


async def test_attachments_and_international_addresses(
    session: AsyncSession, server: InboxServer
) -> None:
    file = Attachment.of("größe.bin", "application/octet-stream", bytes(range(256)))
    await sent(session, shipped("jürgen@bücher.example", attachments=[file]))
    (mail,) = server.inbox
    assert mail.recipients == ("jürgen@xn--bcher-kva.example",)
    (part,) = mail.attachments
    assert part.get_filename() == "größe.bin"
    assert part.get_payload(decode=True) == bytes(range(256))


async def test_a_suppressed_address_is_never_mailed(
    session: AsyncSession, server: InboxServer
) -> None:
    await suppress(session, " BOB@example.com", Reason.BOUNCE, "550 no such user")
    only = await service.send(session, shipped(BOB))
    assert (only.state, only.outcomes) == (MailState.SUPPRESSED, {BOB: "bounce"})
    assert (await session.exec(select(TaskRecord.id))).first() is None
    both = await sent(session, shipped((ADA, BOB)))
    assert both.outcomes == {BOB: "bounce", ADA: "sent"}
    assert [mail.recipients for mail in server.inbox] == [(ADA,)]
    await release(session, BOB)
    assert (await sent(session, shipped(BOB))).state is MailState.SENT
    with pytest.raises(NotFoundError):
        await release(session, BOB)


async def test_an_address_that_is_suppressed_while_the_mail_waits(
    session: AsyncSession, server: InboxServer
) -> None:
    record = await service.send(session, shipped(ADA))
    await suppress(session, ADA, Reason.COMPLAINT)
    await delivery.deliver(session, record.id)
    assert (record.state, record.data) == (MailState.SUPPRESSED, None)
    assert len(server.inbox) == 0


async def test_categories_are_switched_on_and_off(
    session: AsyncSession, server: InboxServer
) -> None:
    assert (await service.send(session, report(ADA))).outcomes == {ADA: "unwanted"}
    await set_preference(session, ADA, "reports", wanted=True)
    await set_preference(session, ADA, "product", wanted=False)
    assert (await sent(session, report(ADA))).state is MailState.SENT
    assert (await service.send(session, news(ADA))).state is MailState.SUPPRESSED
    assert (await sent(session, shipped(ADA))).state is MailState.SENT
    assert (await sent(session, news(BOB))).state is MailState.SENT
    assert [mail.subject for mail in server.inbox] == [
        "Numbers",
        "Ada, your order is on its way",
        "Hello",
    ]


async def test_old_records_are_deleted(session: AsyncSession) -> None:
    from datetime import timedelta

    from app.core.database.models import utcnow
    from app.extensions.email.tasks import delete_old

    old, new = [await service.send(session, shipped()) for _ in range(2)]
    old.created_at = utcnow() - timedelta(days=31)
    old.state = new.state = MailState.SENT
    await session.flush()
    await session.run_sync(delete_old.function)
    left = await session.exec(select(MailRecord.id).where(col(MailRecord.id).in_([old.id, new.id])))
    assert left.all() == [new.id]
