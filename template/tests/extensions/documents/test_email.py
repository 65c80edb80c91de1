"""Mails about documents, for owners who switch them on."""

import pytest
from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core import context
from app.core.tasks import TaskError
from app.extensions.documents import service
from app.extensions.documents.models import Document, DocumentState
from app.extensions.email.models import MailRecord
from app.extensions.email.recipients import set_preference
from tests.extensions.documents.conftest import run
from tests.support.people import Person

pytestmark = pytest.mark.usefixtures("no_index")


async def mails(session: AsyncSession) -> list[tuple[str, list[str]]]:
    found = await session.exec(select(MailRecord.name, MailRecord.recipients))
    return [(name, list(recipients)) for name, recipients in found]


async def test_nobody_is_told_by_default(session: AsyncSession, waiting: Document) -> None:
    await run(session, waiting)
    assert await mails(session) == []


async def test_a_document_that_is_ready(
    session: AsyncSession, waiting: Document, owner: Person
) -> None:
    await set_preference(session, owner.email, "documents", wanted=True)
    await run(session, waiting)
    waiting.state = DocumentState.PROCESSING
    await session.commit()
    await run(session, waiting)  # the task is delivered again
    assert await mails(session) == [("documents_email.document_ready", [owner.email])]


async def test_who_enqueued_the_task_is_told_if_the_owner_is_not_a_user(
    session: AsyncSession, waiting: Document, owner: Person
) -> None:
    await set_preference(session, owner.email, "documents", wanted=True)
    waiting.user_id = None
    await session.commit()
    token = context.user_id.set(str(owner.id))
    await run(session, waiting)
    context.user_id.reset(token)
    assert await mails(session) == [("documents_email.document_ready", [owner.email])]


async def test_a_document_that_has_failed_and_one_that_was_cancelled(
    session: AsyncSession, waiting: Document, owner: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    await set_preference(session, owner.email, "documents", wanted=True)
    await service.cancel(session, owner.id, waiting.id)
    assert await mails(session) == []
    waiting.state = DocumentState.PROCESSING
    await session.commit()

    async def refuse(*_: object) -> None:
        raise TaskError("It has no text.")

    monkeypatch.setattr("app.extensions.documents.ingest.embed", refuse)
    with pytest.raises(TaskError):
        await run(session, waiting)
    assert await mails(session) == [("documents_email.document_failed", [owner.email])]
