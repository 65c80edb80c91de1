"""`/items` over HTTP."""

from uuid import uuid4

import pytest
from httpx import AsyncClient
from sqlmodel.ext.asyncio.session import AsyncSession

from tests.features.items.factories import ItemFactory
from tests.support.people import Person, SignIn

PATH = "/api/v1/items"


@pytest.fixture
async def owner(sign_in: SignIn) -> Person:
    return await sign_in()


async def test_an_item_is_created_changed_read_and_deleted(
    client: AsyncClient, owner: Person
) -> None:
    created = await client.post(PATH, json={"title": "First"}, headers=owner.headers)
    assert created.status_code == 201
    one = f"{PATH}/{created.json()['id']}"

    changed = await client.patch(one, json={"done": True}, headers=owner.headers)
    assert changed.status_code == 200
    read = await client.get(one, headers=owner.headers)
    assert read.json() == changed.json()
    assert (read.json()["title"], read.json()["done"]) == ("First", True)

    assert (await client.delete(one, headers=owner.headers)).status_code == 204
    assert (await client.get(one, headers=owner.headers)).status_code == 404


async def test_a_list_is_paged_counted_filtered_and_sorted(
    client: AsyncClient, owner: Person, session: AsyncSession
) -> None:
    for title, done in (("b", True), ("A", False), ("c", False)):
        session.add(ItemFactory.build(owner_id=owner.id, title=title, done=done))
    await session.commit()

    async def titles(**query: str | int) -> tuple[list[str], int | None]:
        answer = await client.get(PATH, params=query, headers=owner.headers)
        assert answer.status_code == 200, answer.text
        return [item["title"] for item in answer.json()["items"]], answer.json()["total"]

    assert await titles(sort="title") == (["A", "b", "c"], 3)
    assert await titles(sort="title", limit=1, offset=1) == (["b"], 3)
    assert await titles(sort="title", done="false") == (["A", "c"], 2)
    assert await titles(search="B") == (["b"], 1)
    assert await titles(search="%") == ([], 0)
    assert await titles(sort="title", total="false") == (["A", "b", "c"], None)


@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
async def test_an_item_of_another_user_is_not_found(
    client: AsyncClient, owner: Person, sign_in: SignIn, session: AsyncSession, method: str
) -> None:
    item = ItemFactory.build(owner_id=owner.id, title="mine")
    session.add(item)
    await session.commit()
    other = await sign_in()
    body = {"title": "stolen"} if method == "PATCH" else None

    answer = await client.request(method, f"{PATH}/{item.id}", json=body, headers=other.headers)

    assert answer.status_code == 404
    assert answer.json()["code"] == "item_not_found"
    kept = await client.get(f"{PATH}/{item.id}", headers=owner.headers)
    assert kept.json()["title"] == "mine"


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
async def test_a_wrong_body_is_refused(
    client: AsyncClient, owner: Person, body: dict[str, object]
) -> None:
    answer = await client.post(PATH, json=body, headers=owner.headers)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"


async def test_a_token_is_required(client: AsyncClient) -> None:
    for method, path in (("GET", PATH), ("POST", PATH), ("GET", f"{PATH}/{uuid4()}")):
        assert (await client.request(method, path)).status_code == 401
