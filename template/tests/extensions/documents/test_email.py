"""Mails about documents, for owners who switch them on."""

from contextlib import nullcontext
from unittest.mock import AsyncMock
from uuid import uuid4

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

NO_TEXT = TaskError("It has no text.")

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


@pytest.mark.parametrize("ready", [True, False])
async def test_nobody_is_told_if_who_enqueued_the_task_may_not_read_it(
    session: AsyncSession, waiting: Document, monkeypatch: pytest.MonkeyPatch, *, ready: bool
) -> None:
    waiting.user_id = None
    await session.commit()
    if not ready:
        monkeypatch.setattr("app.extensions.documents.ingest.embed", AsyncMock(side_effect=NO_TEXT))
    token = context.user_id.set(str(uuid4()))
    with nullcontext() if ready else pytest.raises(TaskError):
        await run(session, waiting)
    context.user_id.reset(token)
    await session.refresh(waiting)
    assert waiting.state == ("ready" if ready else "failed")
    assert await mails(session) == []


async def test_a_document_that_has_failed_and_one_that_was_cancelled(
    session: AsyncSession, waiting: Document, owner: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    await set_preference(session, owner.email, "documents", wanted=True)
    await service.cancel(session, owner.id, waiting.id)
    assert await mails(session) == []
    waiting.state = DocumentState.PROCESSING
    await session.commit()
    monkeypatch.setattr("app.extensions.documents.ingest.embed", AsyncMock(side_effect=NO_TEXT))
    with pytest.raises(TaskError):
        await run(session, waiting)
    assert await mails(session) == [("documents_email.document_failed", [owner.email])]
