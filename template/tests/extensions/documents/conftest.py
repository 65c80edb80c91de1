"""A bucket, users, and documents with and without a worker."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any, Protocol
from uuid import uuid4

import pytest
from httpx import AsyncClient
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.settings import get_settings, load_settings
from app.core.supabase.clients import Supabase
from app.core.supabase.storage import Storage
from app.extensions.documents import ingest, tasks
from app.extensions.documents.chunking import Part
from app.extensions.documents.embedding import process_embedder
from app.extensions.documents.ingest import store_chunks
from app.extensions.documents.models import Document
from devstack.supabase import LocalSupabase
from tests.extensions.documents.double import LanguageService, language_service
from tests.support.people import Person, SignIn
from tests.support.processes import Process, eventually

PATH = "/api/v1/documents"

Headers = dict[str, str]
Send = Callable[..., Awaitable[dict[str, Any]]]


@pytest.fixture(autouse=True)
async def storage(supabase: LocalSupabase) -> AsyncIterator[Storage]:
    """Create the bucket."""
    async with Supabase(get_settings()) as project:
        storage = Storage(project)
        await storage.ensure_bucket()
        yield storage
    supabase.traffic.heal()


@pytest.fixture
def someone(supabase: LocalSupabase) -> Callable[[], Headers]:
    """Return a function that creates a user and returns the headers with the user's token."""

    def make() -> Headers:
        token = supabase.issue_token(f"{uuid4().hex}@example.com")
        return {"Authorization": f"Bearer {token}"}

    return make


@pytest.fixture
def send(committed: AsyncClient, worker: Process) -> Send:
    """Upload a small file and wait for the end of its processing: `await send(headers, b"…")`."""

    async def make(
        headers: Headers,
        content: bytes,
        media_type: str = "text/plain",
        name: str = "note.txt",
        **query: str,
    ) -> dict[str, Any]:
        answer = await committed.post(
            f"{PATH}/direct",
            params={"name": name} | query,
            content=content,
            headers=headers | {"Content-Type": media_type},
        )
        assert answer.status_code == 202, answer.text
        return await ended(committed, headers, answer.json()["id"], worker)

    return make


async def ended(
    client: AsyncClient, headers: Headers, document_id: str, worker: Process
) -> dict[str, Any]:
    """Wait for the end of the processing of a document, and return it."""
    found: dict[str, Any] = {}

    async def over() -> bool:
        answer = await client.get(f"{PATH}/{document_id}", headers=headers)
        assert answer.status_code == 200, answer.text
        found.update(answer.json())
        return found["state"] not in ("uploading", "processing")

    # The first document also waits until the worker has started and has loaded its models.
    await eventually(over, worker, seconds=60)
    return found


class Store(Protocol):
    """The fixture `store`: stores a document with these chunks, ready for searches."""

    def __call__(self, owner: Person, *texts: str, **values: Any) -> Awaitable[Document]: ...


@pytest.fixture
def store(session: AsyncSession) -> Store:
    """Store documents without a worker, in the test's transaction."""

    async def make(owner: Person, *texts: str, **values: Any) -> Document:
        facts: dict[str, Any] = {
            "owner_id": owner.id,
            "user_id": owner.id,
            "name": "note.txt",
            "object_key": f"documents/{uuid4()}",
            "size": 1,
            "sha256": uuid4().hex * 2,
            "media_type": "text/plain",
        }
        document = Document(**facts | values)
        session.add(document)
        await session.flush()
        parts = [Part(text, None) for text in texts]
        vectors = await process_embedder().embed(texts)
        await store_chunks(session, document, values.get("language", "en"), parts, vectors)
        await session.commit()
        return document

    return make


@pytest.fixture
def configure(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Return a function that sets settings of this feature: `configure(CHAT_MODEL="x")`."""

    def forget() -> None:
        load_settings.cache_clear()
        process_embedder.cache_clear()

    def change(**values: str) -> None:
        for name, value in values.items():
            monkeypatch.setenv(f"DOCUMENTS_{name}", value)
        forget()

    yield change
    monkeypatch.undo()
    forget()


@pytest.fixture
def service() -> Iterator[LanguageService]:
    """A language service for one test."""
    with language_service() as service:
        yield service


@pytest.fixture
async def owner(sign_in: SignIn) -> Person:
    """The owner of the documents."""
    return await sign_in()


@pytest.fixture
async def waiting(client: AsyncClient, owner: Person, session: AsyncSession) -> Document:
    """A document that no worker processes, because its task is not committed."""
    answer = await client.post(
        f"{PATH}/direct",
        params={"name": "x"},
        content=b"Bees dance in the hive.",
        headers=owner.headers | {"Content-Type": "text/plain"},
    )
    assert answer.status_code == 202, answer.text
    document = await session.get(Document, answer.json()["id"])
    assert document
    return document


@pytest.fixture
def no_index(monkeypatch: pytest.MonkeyPatch) -> None:
    """Skip building the index of vectors."""

    async def skip() -> None:
        pass

    monkeypatch.setattr(ingest, "_ensure_index", skip)


async def run(session: AsyncSession, document: Document, version: int | None = None) -> Any:
    """Run the task as a worker does, in the test's transaction."""
    result = await tasks.ingest.function(session, document.id, version or document.version)
    await session.commit()
    return result
