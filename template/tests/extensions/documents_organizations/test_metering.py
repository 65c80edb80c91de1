"""The processing of a document of an organization is paid by the organization."""

import pytest
from fastapi import FastAPI
from sqlmodel.ext.asyncio.session import AsyncSession

from app.extensions.credits.service import accounts, entries, rates
from app.extensions.documents.models import Document
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
