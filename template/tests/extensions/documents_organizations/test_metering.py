"""The processing of a document of an organization is paid by the organization."""

import pytest
from fastapi import FastAPI
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.events import emit
from app.core.tasks import enqueue
from app.extensions.credits.service import accounts, entries, rates
from app.extensions.documents.models import Document, DocumentState
from app.extensions.documents.notify import notify
from app.extensions.documents.tasks import ingest
from tests.extensions.documents.conftest import no_index, run, storage  # noqa: F401 - fixtures
from tests.extensions.documents_organizations.test_owners import ask
from tests.support.tenants import Tenants


@pytest.mark.usefixtures("no_index")
async def test_the_organization_pays_for_its_documents(
    app: FastAPI, tenants: Tenants, session: AsyncSession
) -> None:
    rates.clear_cache()
    acme = await tenants.create("Acme", "member")
    member = acme.people["member"]
    await session.run_sync(entries.grant, acme.id, 10, "Filled")
    before = await session.run_sync(accounts.get_balance, member.id)
    await session.commit()
    sent = await ask(
        acme,
        "member",
        "POST",
        "/direct",
        params={"name": "x"},
        content=b"Bees dance in the hive.",
        headers={"Content-Type": "text/plain"},
    )
    document = await session.get_one(Document, sent.json()["id"])
    await run(session, document)
    paid = await session.run_sync(accounts.get_balance, acme.id)
    assert (paid.balance, paid.held) == (9, 0)
    assert await session.run_sync(accounts.get_balance, member.id) == before


async def test_what_is_held_is_released_when_the_organization_is_removed(
    app: FastAPI, tenants: Tenants, session: AsyncSession
) -> None:
    rates.clear_cache()
    acme = await tenants.create()
    await session.run_sync(entries.grant, acme.id, 10, "Filled")
    document = Document(
        owner_id=acme.id,
        name="x",
        object_key=f"documents/{acme.id}/x",
        size=1,
        sha256="0" * 64,
        media_type="text/plain",
        state=DocumentState.PROCESSING,
        version=1,
    )
    document.task_id = enqueue(session, ingest.s(document_id=document.id, version=1))
    session.add(document)
    await session.flush()
    await notify(session, "documents.split", document, chunks=3, tokens=3)
    await session.commit()
    held = await session.run_sync(accounts.get_balance, acme.id)
    assert (held.balance, held.held) == (7, 3)
    await emit(session, "organizations.purged", organization_id=acme.id)
    await session.commit()
    session.expire_all()
    released = await session.run_sync(accounts.get_balance, acme.id)
    assert (released.balance, released.held) == (10, 0)
