"""A removed organization leaves no document and no file, also if one is in processing."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from fastapi import FastAPI
from httpx import AsyncClient
from sqlalchemy import update
from sqlmodel import col, func, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.database.models import utcnow
from app.core.errors import NotFoundError
from app.core.events import emit
from app.core.supabase.storage import Storage
from app.core.tasks import enqueue
from app.core.tasks.models import UNFINISHED, TaskRecord, TaskState
from app.extensions.documents.models import Document, DocumentState, chunks, embeddings
from app.extensions.documents.tasks import ingest
from app.extensions.organizations.deps import HEADER
from app.extensions.organizations.models import Organization
from app.extensions.organizations.tasks import purge_one
from devstack.supabase import LocalSupabase
from tests.extensions.documents.conftest import (  # noqa: F401 - fixtures
    PATH,
    Headers,
    Store,
    someone,
    storage,
    store,
)
from tests.extensions.documents.test_pipeline import TEXT_FILE, announced, upload
from tests.extensions.documents_organizations.test_owners import Put, put  # noqa: F401 - fixtures
from tests.support.processes import Process, eventually
from tests.support.tenants import PATH as ORGANIZATIONS
from tests.support.tenants import Tenants


@pytest.mark.parametrize("state", list(DocumentState))
async def test_documents_and_files_in_every_state_are_removed(
    tenants: Tenants,
    put: Put,  # noqa: F811
    session: AsyncSession,
    state: DocumentState,
) -> None:
    acme, other = await tenants.create("Acme"), await tenants.create("Other")
    ours, theirs = await put(acme, "ours"), await put(other, "theirs")
    gone, kept = ours.object_key, theirs.id
    ours.state = state
    ours.task_id = enqueue(session, ingest.s(document_id=ours.id, version=0))
    task_id = ours.task_id
    await session.commit()
    await emit(session, "organizations.purged", organization_id=acme.id)
    await session.commit()
    assert list(await session.exec(select(Document.id))) == [kept]
    removals = select(TaskRecord.arguments).where(col(TaskRecord.name) == "documents.remove_file")
    assert {each["key"] for each in await session.exec(removals)} == {gone}
    task = await session.get_one(TaskRecord, task_id, populate_existing=True)
    assert (task.state is TaskState.REVOKED) == (state is DocumentState.PROCESSING)


async def test_a_worker_ends_when_the_organization_is_removed_meanwhile(
    running_app: FastAPI,
    committed: AsyncClient,
    worker: Process,
    supabase: LocalSupabase,
    storage: Storage,  # noqa: F811
    someone: Callable[[], Headers],  # noqa: F811
) -> None:
    headers = someone()
    made = await committed.post(ORGANIZATIONS, json={"name": "Acme"}, headers=headers)
    assert made.status_code == 201, made.text
    organization = UUID(made.json()["id"])
    inside = headers | {HEADER: made.json()["slug"]}
    answer = await committed.post(PATH, json=announced(TEXT_FILE), headers=inside)
    document_id = UUID(answer.json()["document"]["id"])
    assert (await upload(answer.json()["upload"], TEXT_FILE)).is_success
    database = running_app.state.database
    async with database.session() as session:
        key = (await session.get_one(Document, document_id)).object_key
    # The worker reads the file until the organization is gone.
    path = f"/storage/v1/object/files/{key}"
    supabase.traffic.delays[path] = 3.0
    accepted = await committed.post(f"{PATH}/{document_id}/complete", headers=inside)
    assert accepted.status_code == 202, accepted.text
    read = supabase.traffic.calls[path]

    async def reads() -> bool:
        return supabase.traffic.calls[path] > read

    await eventually(reads, worker, seconds=60)
    async with database.session() as session:
        await long_deleted(session, organization)
        await purge_one.function(session, organization_id=organization)
        await session.commit()
        assert await session.get(Organization, organization) is None
        assert (await task_of(session, accepted.json())).state in UNFINISHED

    async def ended() -> bool:
        async with database.session() as session:
            return (await task_of(session, accepted.json())).state not in UNFINISHED

    await eventually(ended, worker)
    async with database.session() as session:
        task = await task_of(session, accepted.json())
        assert (task.attempts, task.error) == (1, None)
        for table in (chunks, embeddings):
            left = select(func.count()).where(table.c.document_id == document_id)
            assert (await session.exec(left)).one() == 0
        assert await session.get(Document, document_id) is None

    async def file_is_gone() -> bool:
        try:
            await storage.info(key)
        except NotFoundError:
            return True
        return False

    await eventually(file_is_gone, worker)


async def long_deleted(session: AsyncSession, organization: UUID) -> None:
    """Delete an organization so long ago that it is removed now."""
    deletion = update(Organization).where(col(Organization.id) == organization)
    await session.exec(deletion.values(deleted_at=utcnow() - timedelta(days=4000)))
    await session.commit()


async def task_of(session: AsyncSession, document: dict[str, Any]) -> TaskRecord:
    return await session.get_one(TaskRecord, UUID(document["task_id"]))
