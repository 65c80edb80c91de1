"""`/organizations/{organization}/items` over HTTP."""

import pytest
from sqlmodel.ext.asyncio.session import AsyncSession

from tests.features.items.factories import ItemFactory
from tests.support.tenants import Tenant, Tenants

PATH = "/items"


@pytest.fixture
async def acme(tenants: Tenants) -> Tenant:
    return await tenants.create("Acme", "member")


async def test_an_item_is_created_changed_read_and_deleted(acme: Tenant) -> None:
    created = await acme.ask("member", "POST", PATH, {"title": "First"})
    assert created.status_code == 201
    one = f"{PATH}/{created.json()['id']}"

    changed = await acme.ask("owner", "PATCH", one, {"done": True})
    assert changed.status_code == 200
    read = await acme.ask("member", "GET", one)
    assert read.json() == changed.json()
    assert (read.json()["title"], read.json()["done"]) == ("First", True)

    assert (await acme.ask("member", "DELETE", one)).status_code == 204
    assert (await acme.ask("member", "GET", one)).status_code == 404


async def test_a_list_is_paged_counted_filtered_and_sorted(
    acme: Tenant, session: AsyncSession
) -> None:
    for title, done in (("b", True), ("A", False), ("c", False)):
        session.add(ItemFactory.build(organization_id=acme.id, title=title, done=done))
    await session.commit()

    async def titles(query: str) -> tuple[list[str], int | None]:
        answer = await acme.ask("member", "GET", f"{PATH}?{query}")
        assert answer.status_code == 200, answer.text
        return [item["title"] for item in answer.json()["items"]], answer.json()["total"]

    assert await titles("sort=title") == (["A", "b", "c"], 3)
    assert await titles("sort=title&limit=1&offset=1") == (["b"], 3)
    assert await titles("sort=title&done=false") == (["A", "c"], 2)
    assert await titles("search=B") == (["b"], 1)
    assert await titles("search=%25") == ([], 0)
    assert await titles("sort=title&total=false") == (["A", "b", "c"], None)


@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
async def test_an_item_of_another_organization_is_not_found(
    acme: Tenant, tenants: Tenants, session: AsyncSession, method: str
) -> None:
    item = ItemFactory.build(organization_id=acme.id, title="ours")
    session.add(item)
    await session.commit()
    other = await tenants.create("Other")
    body = {"title": "stolen"} if method == "PATCH" else None

    answer = await other.ask("owner", method, f"{PATH}/{item.id}", body)

    assert (answer.status_code, answer.json()["code"]) == (404, "item_not_found")
    refused = await acme.ask(other.people["owner"], method, f"{PATH}/{item.id}", body)
    assert (refused.status_code, refused.json()["code"]) == (404, "organization_not_found")
    kept = await acme.ask("member", "GET", f"{PATH}/{item.id}")
    assert kept.json()["title"] == "ours"


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"title": ""},
        {"title": "x" * 201},
        {"title": "x", "unknown": 1},
        {"title": None},
        {"title": "a\x00b"},
    ],
)
async def test_a_wrong_body_is_refused(acme: Tenant, body: dict[str, object]) -> None:
    answer = await acme.ask("member", "POST", PATH, body)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
