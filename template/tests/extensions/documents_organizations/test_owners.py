"""Documents of organizations: their members share them, and nobody else finds them."""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

import pytest
from fastapi import FastAPI
from httpx import AsyncClient, Response
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.database import act_as
from app.core.tasks.models import TaskRecord
from app.extensions.documents.models import Document, DocumentState
from app.extensions.documents.service import may_read
from app.extensions.organizations.deps import HEADER
from tests.extensions.documents.conftest import (  # noqa: F401 - fixtures
    PATH,
    Store,
    no_index,
    run,
    storage,
    store,
)
from tests.extensions.documents.test_owners import BODIES, WITH_ID
from tests.support.people import Person
from tests.support.tenants import Tenant, Tenants
from tests.support.transaction import session_inside

FILE = {"name": "x", "size": 1, "sha256": "0" * 64, "media_type": "text/plain"}

Put = Callable[..., Awaitable[Document]]


@pytest.fixture
def put(store: Store) -> Put:  # noqa: F811
    """Return a function that stores a document of an organization, ready for searches."""

    async def make(tenant: Tenant, *texts: str) -> Document:
        owner = tenant.people["owner"]
        return await store(owner, *texts, owner_id=tenant.id, user_id=None)

    return make


async def ask(
    tenant: Tenant, who: str | Person, method: str, path: str = "", **request: Any
) -> Response:
    """Send a request in the organization, as somebody with a role or as a person."""
    person = tenant.people[who] if isinstance(who, str) else who
    headers = person.headers | {HEADER: tenant.slug} | request.pop("headers", {})
    return await tenant.client.request(method, f"{PATH}{path}", headers=headers, **request)


async def found(tenant: Tenant, who: str, query: str) -> list[str]:
    answer = await ask(tenant, who, "POST", "/search", json={"query": query})
    assert answer.status_code == 200, answer.text
    return [hit["content"] for hit in answer.json()["items"]]


async def test_members_share_documents(
    client: AsyncClient, tenants: Tenants, put: Put, session: AsyncSession
) -> None:
    acme = await tenants.create("Acme", "admin", "member")
    document = await put(acme, "Bees dance in the hive.")
    for role in acme.people:
        listed = (await ask(acme, role, "GET")).json()["items"]
        assert [each["id"] for each in listed] == [str(document.id)]
        assert (await ask(acme, role, "GET", f"/{document.id}")).status_code == 200
        assert await found(acme, role, "bees dance") == ["Bees dance in the hive."]
        # Alone, everybody has the documents of their own.
        alone = await client.get(PATH, headers=acme.people[role].headers)
        assert alone.json()["items"] == []
    assert (await ask(acme, "member", "DELETE", f"/{document.id}")).status_code == 204
    assert (await ask(acme, "owner", "GET", f"/{document.id}")).status_code == 404


async def test_the_key_of_a_file_has_the_organization(
    tenants: Tenants, session: AsyncSession
) -> None:
    acme = await tenants.create("Acme", "member")
    made = await ask(acme, "member", "POST", json=FILE)
    assert made.status_code == 201, made.text
    document = await session.get_one(Document, made.json()["document"]["id"])
    assert document.object_key.startswith(f"documents/{acme.id}/")
    # The same file is stored once in an organization, whoever sends it.
    again = await ask(acme, "owner", "POST", json=FILE)
    assert again.json()["document"]["id"] == made.json()["document"]["id"]
    other = await tenants.create("Other")
    elsewhere = await ask(other, "owner", "POST", json=FILE)
    assert elsewhere.json()["document"]["id"] != made.json()["document"]["id"]


@pytest.mark.parametrize(("method", "path"), WITH_ID)
@pytest.mark.parametrize("state", list(DocumentState))
async def test_the_document_of_another_organization_is_not_found(
    client: AsyncClient,
    tenants: Tenants,
    put: Put,
    session: AsyncSession,
    method: str,
    path: str,
    state: DocumentState,
) -> None:
    acme, other = await tenants.create("Acme"), await tenants.create("Other")
    document = await put(acme, "ours")
    document.state = state
    await session.commit()
    stranger = other.people["owner"]
    one = path.format(document_id=document.id)
    missing = path.format(document_id=uuid4())
    refused = await ask(other, stranger, method, one)
    assert (refused.status_code, refused.json()["code"]) == (404, "document_not_found")
    assert (await ask(other, stranger, method, missing)).json()["code"] == "document_not_found"
    alone = await client.request(method, f"{PATH}{one}", headers=stranger.headers)
    assert (alone.status_code, alone.json()["code"]) == (404, "document_not_found")
    closed = await ask(acme, stranger, method, one)
    assert (closed.status_code, closed.json()["code"]) == (404, "organization_not_found")
    assert (await ask(acme, "owner", "GET", f"/{document.id}")).json()["state"] == state


@pytest.mark.parametrize("path", [*BODIES, "/direct"])
async def test_nobody_else_works_in_an_organization(tenants: Tenants, put: Put, path: str) -> None:
    acme, other = await tenants.create("Acme"), await tenants.create("Other")
    removed = await tenants.join(acme, "removed")
    await acme.ask("owner", "DELETE", f"/members/{removed.id}")
    await put(acme, "ours")
    for person in (other.people["owner"], removed):
        body = BODIES.get(path)
        answer = await ask(acme, person, "POST", path, json=body, params={"name": "x"})
        assert (answer.status_code, answer.json()["code"]) == (404, "organization_not_found")
        listed = await ask(acme, person, "GET")
        assert (listed.status_code, listed.json()["code"]) == (404, "organization_not_found")


async def test_lists_and_searches_of_others_have_nothing(tenants: Tenants, put: Put) -> None:
    acme, other = await tenants.create("Acme"), await tenants.create("Other")
    await put(acme, "Bees dance in the hive.")
    mine = await put(other, "Ships sail.")
    listed = (await ask(other, "owner", "GET")).json()
    assert [each["id"] for each in listed["items"]] == [str(mine.id)]
    for mode in ("text", "vector", "hybrid"):
        body = {"query": "bees dance in the hive", "mode": mode}
        answer = await ask(other, "owner", "POST", "/search", json=body)
        assert "Bees" not in answer.text
    named = {"query": "bees", "document_ids": [str((await put(acme, "Bees hum.")).id)]}
    assert (await ask(other, "owner", "POST", "/search", json=named)).json()["items"] == []


async def test_over_the_interfaces_of_supabase_members_read_their_documents_only(
    connection: AsyncConnection, tenants: Tenants, put: Put
) -> None:
    acme, other = await tenants.create("Acme", "member"), await tenants.create("Other")
    ours, theirs = await put(acme, "ours"), await put(other, "theirs")
    for person, expected in (
        (acme.people["member"], ours),
        (other.people["owner"], theirs),
    ):
        acting = session_inside(connection)
        act_as(acting, person.id)
        here = await acting.connection()
        for query in (
            "SELECT id FROM app.documents",
            "SELECT document_id FROM app.documents_chunks",
        ):
            assert set((await here.execute(text(query))).scalars()) == {expected.id}
        await acting.close()


async def test_another_member_cancels_and_retries(
    app: FastAPI, tenants: Tenants, session: AsyncSession
) -> None:
    acme = await tenants.create("Acme", "member")
    sent = await ask(
        acme,
        "member",
        "POST",
        "/direct",
        params={"name": "x"},
        content=b"Bees dance in the hive.",
        headers={"Content-Type": "text/plain"},
    )
    assert sent.status_code == 202, sent.text
    key = sent.json()["id"]
    document = await session.get_one(Document, key)
    assert (document.owner_id, document.user_id) == (acme.id, None)
    record = await session.get_one(TaskRecord, document.task_id)
    assert record.owner_id == acme.people["member"].id
    assert record.headers["organization_id"] == str(acme.id)
    cancelled = await ask(acme, "owner", "POST", f"/{key}/cancel")
    assert (cancelled.status_code, cancelled.json()["state"]) == (200, "cancelled")
    assert (await ask(acme, "owner", "POST", f"/{key}/retry")).status_code == 202


async def test_the_export_has_the_documents_of_the_organization_alone(
    tenants: Tenants,
    put: Put,
    store: Store,  # noqa: F811
) -> None:
    acme, other = await tenants.create("Acme", "admin"), await tenants.create("Other")
    ours = await put(acme, "Bees dance in the hive.", "They hum.")
    await put(other, "Ships sail.")
    owner = acme.people["owner"]
    mine = await store(owner, "A diary.")
    exported = (await acme.ask("owner", "GET", "/export")).json()
    (document,) = exported["documents"]
    assert (document["id"], document["name"]) == (str(ours.id), ours.name)
    texts = [each["content"] for each in exported["documents_chunks"]]
    assert sorted(texts) == ["Bees dance in the hive.", "They hum."]
    assert "words" not in exported["documents_chunks"][0]
    # What a user has without an organization belongs to the personal one.
    answer = await acme.client.post("/api/v1/organizations/personal", headers=owner.headers)
    personal = f"/api/v1/organizations/{answer.json()['slug']}/export"
    own = (await acme.client.get(personal, headers=owner.headers)).json()
    assert [each["id"] for each in own["documents"]] == [str(mine.id)]
    assert [each["content"] for each in own["documents_chunks"]] == ["A diary."]


async def test_members_of_now_may_read(tenants: Tenants, session: AsyncSession) -> None:
    acme, other = await tenants.create("Acme", "member"), await tenants.create("Other")
    member, stranger = acme.people["member"].id, other.people["owner"].id
    assert await may_read(session, acme.id, member)
    assert not await may_read(session, acme.id, stranger)
    assert not await may_read(session, member, stranger)
    assert await may_read(session, member, member)
    await acme.ask("owner", "DELETE", f"/members/{member}")
    assert not await may_read(session, acme.id, member)
    await acme.ask("owner", "DELETE")
    assert not await may_read(session, acme.id, acme.people["owner"].id)
