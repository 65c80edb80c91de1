"""Keys of organizations work with the documents of their organization."""

from uuid import UUID

from fastapi import FastAPI
from httpx import AsyncClient
from sqlmodel.ext.asyncio.session import AsyncSession

from app.extensions.documents.models import Document
from app.extensions.organizations.deps import HEADER
from tests.extensions.api_keys.conftest import _fresh  # noqa: F401 - a fixture
from tests.extensions.documents.conftest import (  # noqa: F401 - fixtures
    PATH,
    no_index,
    run,
    storage,
    store,
)
from tests.extensions.documents_organizations.test_owners import Put, put  # noqa: F401 - fixtures
from tests.extensions.organizations.test_api_keys import machine, make, reason
from tests.support.tenants import Tenants

SCOPES = ["documents:read", "documents:write"]


async def test_a_key_sees_the_documents_of_its_organization_alone(
    client: AsyncClient,
    tenants: Tenants,
    put: Put,  # noqa: F811
) -> None:
    acme, other = await tenants.create("Acme"), await tenants.create("Other")
    ours, _ = await put(acme, "ours"), await put(other, "theirs")
    key = machine(await make(acme, scopes=SCOPES)).headers
    inside = key | {HEADER: acme.slug}
    listed = (await client.get(PATH, headers=inside)).json()["items"]
    assert [each["id"] for each in listed] == [str(ours.id)]
    elsewhere = await client.get(PATH, headers=key | {HEADER: other.slug})
    assert reason(elsewhere) == (404, "organization_not_found")
    # A machine has no documents of its own.
    assert reason(await client.get(PATH, headers=key)) == (403, "user_required")
    reading = machine(await make(acme, scopes=SCOPES[:1])).headers | {HEADER: acme.slug}
    assert reason(await client.delete(f"{PATH}/{ours.id}", headers=reading)) == (
        403,
        "scope_required",
    )
    assert (await client.delete(f"{PATH}/{ours.id}", headers=inside)).status_code == 204


async def test_a_key_uploads_for_its_organization(
    app: FastAPI, client: AsyncClient, tenants: Tenants, session: AsyncSession
) -> None:
    acme = await tenants.create()
    made = await make(acme, scopes=SCOPES)
    sent = await client.post(
        f"{PATH}/direct",
        params={"name": "x"},
        content=b"Bees dance in the hive.",
        headers=machine(made).headers | {HEADER: acme.slug, "Content-Type": "text/plain"},
    )
    assert sent.status_code == 202, sent.text
    document = await session.get_one(Document, UUID(sent.json()["id"]))
    assert (document.owner_id, document.user_id) == (acme.id, None)
