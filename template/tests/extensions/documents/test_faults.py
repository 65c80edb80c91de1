"""Interrupted processing: cancelled and deleted documents, outages, tasks that die."""

import asyncio
from datetime import timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID

import py3langid  # type: ignore[import-untyped]
import pytest
from httpx import AsyncClient
from psycopg.errors import UniqueViolation
from sqlalchemy import exc as sa
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.database.models import utcnow
from app.core.errors import InvalidError, UnavailableError
from app.core.supabase.storage import Storage
from app.core.tasks import SkipRunError, TaskError
from app.core.tasks.models import TaskRecord, TaskState
from app.extensions.documents import cleanup, http, languages, tasks
from app.extensions.documents.embedding import EmbeddingError
from app.extensions.documents.models import Document, DocumentState, chunks
from app.extensions.documents.tasks import TRIES
from devstack.supabase import LocalSupabase
from tests.extensions.documents.conftest import PATH, Store, run
from tests.extensions.documents.double import Answer, LanguageService, vectors
from tests.support.people import Person

# Building the index would wait for the test's transaction, which is never committed.
pytestmark = pytest.mark.usefixtures("no_index")


async def state_of(session: AsyncSession, document: Document) -> tuple[str, str | None]:
    await session.refresh(document)
    return document.state, document.reason


async def test_a_repeated_run_replaces_the_chunks(session: AsyncSession, waiting: Document) -> None:
    await run(session, waiting)
    # The task is delivered again although the first worker has finished.
    waiting.state = DocumentState.PROCESSING
    await session.commit()
    assert (await run(session, waiting)).chunks == 1
    connection = await session.connection()
    mine = select(chunks.c.id).where(chunks.c.document_id == waiting.id)
    assert len((await connection.execute(mine)).all()) == 1


async def test_a_document_that_is_deleted_during_the_processing_stays_deleted(
    client: AsyncClient, owner: Person, session: AsyncSession, waiting: Document
) -> None:
    document_id, task_id = waiting.id, waiting.task_id
    removed = await client.delete(f"{PATH}/{document_id}", headers=owner.headers)
    assert removed.status_code == 204
    with pytest.raises(SkipRunError):
        await tasks.ingest.function(session, document_id, 1)
    task = await session.get(TaskRecord, task_id, populate_existing=True)
    assert task
    assert task.state is TaskState.REVOKED
    # The file is removed twice, because a request may be moving it to its key.
    removals = select(TaskRecord).where(TaskRecord.name == "documents.remove_file")
    found = (await session.exec(removals.order_by(col(TaskRecord.due_at)))).all()
    assert [each.due_at > utcnow() + timedelta(minutes=5) for each in found if each.due_at] == [
        False,
        True,
    ]


async def test_a_cancelled_document_can_be_retried(
    client: AsyncClient, owner: Person, session: AsyncSession, waiting: Document
) -> None:
    one = f"{PATH}/{waiting.id}"
    cancelled = await client.post(f"{one}/cancel", headers=owner.headers)
    assert (cancelled.status_code, cancelled.json()["state"]) == (200, "cancelled")
    with pytest.raises(SkipRunError):
        await run(session, waiting, version=1)
    again = await client.post(f"{one}/retry", headers=owner.headers)
    assert again.json()["state"] == "processing"
    # A run of the earlier version changes nothing.
    with pytest.raises(SkipRunError):
        await run(session, waiting, version=1)
    await session.refresh(waiting)
    await run(session, waiting)
    assert await state_of(session, waiting) == ("ready", None)


async def test_an_outage_of_the_embedding_service_is_retried(
    session: AsyncSession,
    waiting: Document,
    service: LanguageService,
    configure: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(http, "_backoff", lambda _state: 0.0)
    configure(EMBEDDING_PROVIDER="openai", EMBEDDING_BASE_URL=service.url, EMBEDDING_DIMENSIONS="8")
    service.usual = lambda _path, _body: Answer(status=503)
    with pytest.raises(EmbeddingError):
        await run(session, waiting)
    state, reason = await state_of(session, waiting)
    assert (state, bool(reason)) == ("processing", True)
    service.usual = vectors(8)
    await run(session, waiting)
    assert await state_of(session, waiting) == ("ready", None)


def test_retries_cover_more_than_an_hour() -> None:
    from app.core.tasks.records import FIRST_DELAY, LONGEST_DELAY

    waits = [min(FIRST_DELAY * 2**number, LONGEST_DELAY) for number in range(TRIES - 1)]
    assert sum(waits) > 3600


async def test_an_outage_of_storage_is_retried(
    session: AsyncSession, waiting: Document, supabase: LocalSupabase
) -> None:
    supabase.traffic.fail(f"/storage/v1/object/files/{waiting.object_key}", 503)
    with pytest.raises(UnavailableError):
        await run(session, waiting)
    assert (await state_of(session, waiting))[0] == "processing"
    supabase.traffic.heal()
    await run(session, waiting)
    assert (await state_of(session, waiting))[0] == "ready"


async def test_a_missing_file_fails_the_document(
    session: AsyncSession, waiting: Document, storage: Storage
) -> None:
    await storage.delete(waiting.object_key)
    with pytest.raises(TaskError):
        await run(session, waiting)
    assert (await state_of(session, waiting))[0] == "failed"


@pytest.mark.parametrize(
    "text",
    [
        "i;i*i;i*3.7\n" * 200,
        "\n".join(str(UUID(int=number << 64)) for number in range(100)),
        "\n".join(sha256(bytes([number])).hexdigest() for number in range(100)),
        "0123456789 " * 100,
        "😀 " * 500,
        "# [[[[[ " * 100,
    ],
)
async def test_a_text_without_a_language_is_stored(
    client: AsyncClient, owner: Person, session: AsyncSession, text: str
) -> None:
    headers = owner.headers | {"Content-Type": "text/plain"}
    answer = await client.post(f"{PATH}/direct?name=x", content=text, headers=headers)
    document = await session.get_one(Document, answer.json()["id"])
    await run(session, document)
    assert await state_of(session, document) == ("ready", None)
    assert document.language is None or len(document.language) == 2


def test_only_codes_of_two_letters_are_languages(monkeypatch: pytest.MonkeyPatch) -> None:
    assert languages.detect("Bees dance to tell each other where clover blooms.") == "en"
    for code in ("zxx", "ace"):
        monkeypatch.setattr(py3langid, "classify", lambda _, code=code: (code, 0.0))
        assert languages.detect("Bees") is None


@pytest.mark.parametrize(
    ("fault", "state"),
    [
        ("zxx", "failed"),  # does not fit its column: SQLSTATE 22001
        (UnicodeError, "processing"),
        (InvalidError("Storage refuses the key."), "failed"),
        (TaskError("x" * 1000), "failed"),
        (sa.OperationalError("", {}, Exception("server closed the connection")), "processing"),
        (sa.IntegrityError("", {}, UniqueViolation()), "failed"),
    ],
)
async def test_an_error_that_no_retry_heals_ends_the_document(
    session: AsyncSession,
    waiting: Document,
    monkeypatch: pytest.MonkeyPatch,
    fault: Any,
    state: str,
) -> None:
    def detect(_: str) -> Any:
        if isinstance(fault, str):
            return fault
        raise fault

    monkeypatch.setattr(languages, "detect", detect)
    with pytest.raises(Exception) as caught:  # noqa: PT011 - its kind is asserted
        await run(session, waiting)
    assert isinstance(caught.value, TaskError) == (state == "failed")
    await session.rollback()
    found, reason = await state_of(session, waiting)
    assert (found, bool(reason)) == (state, state == "failed")


@pytest.mark.parametrize(
    ("task", "state"),
    [
        (TaskState.FAILURE, "failed"),
        (TaskState.REVOKED, "cancelled"),
        (TaskState.PENDING, "processing"),
        (TaskState.STARTED, "processing"),
        (None, "failed"),
    ],
)
async def test_the_cleanup_ends_documents_whose_task_has_ended(
    session: AsyncSession, waiting: Document, task: TaskState | None, state: str
) -> None:
    record = await session.get(TaskRecord, waiting.task_id)
    assert record
    if task:
        record.state = task
    else:
        await session.delete(record)
    await session.commit()
    await cleanup.end_orphaned(session)
    await session.commit()
    assert (await state_of(session, waiting))[0] == state


async def test_the_cleanup_deletes_abandoned_uploads(
    session: AsyncSession, owner: Person, store: Store
) -> None:
    old = utcnow() - timedelta(hours=25)
    abandoned = await store(owner, "x", created_at=old)
    fresh = await store(owner, "x")
    kept = await store(owner, "x", created_at=old)
    abandoned.state = fresh.state = DocumentState.UPLOADING
    await session.commit()
    assert await cleanup.delete_abandoned(session) == [abandoned.object_key]
    await session.commit()
    left = await session.exec(select(Document.id).where(Document.owner_id == owner.id))
    assert set(left.all()) == {fresh.id, kept.id}


async def test_concurrent_requests_create_one_document(
    committed: AsyncClient, someone: Any
) -> None:
    headers = someone()
    await committed.get("/api/v1/users/me", headers=headers)
    # The first round opens the connections; without them, the requests would not be concurrent.
    for letter in "abc":
        body = {"name": "x", "size": 1, "sha256": letter * 64, "media_type": "text/plain"}
        answers = await asyncio.gather(
            *(committed.post(PATH, json=body, headers=headers) for _ in range(4))
        )
        assert [answer.status_code for answer in answers] == [201] * 4, answers[0].text
        assert len({answer.json()["document"]["id"] for answer in answers}) == 1
