"""A bucket, files, and people who send them."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from uuid import uuid4

import pytest
from httpx import AsyncClient

from app.core.settings import get_settings
from app.core.supabase.clients import Supabase
from app.core.supabase.storage import Storage
from devstack.supabase import LocalSupabase
from tests.processes import Process, eventually

PATH = "/api/v1/documents"

Headers = dict[str, str]
Send = Callable[..., Awaitable[dict[str, Any]]]


@pytest.fixture(autouse=True)
async def storage(supabase: LocalSupabase) -> AsyncIterator[Storage]:
    """The bucket, made."""
    async with Supabase(get_settings()) as project:
        storage = Storage(project)
        await storage.ensure_bucket()
        yield storage
    supabase.traffic.heal()


@pytest.fixture
def someone(supabase: LocalSupabase) -> Callable[[], Headers]:
    """Make people of their own for what is committed: headers of a new one with each call."""

    def make() -> Headers:
        token = supabase.issue_token(f"{uuid4().hex}@example.com")
        return {"Authorization": f"Bearer {token}"}

    return make


@pytest.fixture
def send(committed: AsyncClient, worker: Process) -> Send:
    """Send a small file and wait until it has ended: `await send(headers, b"…")`."""

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
    """Wait until a document is not being processed any more, and return it."""
    found: dict[str, Any] = {}

    async def over() -> bool:
        answer = await client.get(f"{PATH}/{document_id}", headers=headers)
        assert answer.status_code == 200, answer.text
        found.update(answer.json())
        return found["state"] not in ("uploading", "processing")

    await eventually(over, worker)
    return found
