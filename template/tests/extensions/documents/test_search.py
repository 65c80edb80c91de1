"""Searches over HTTP: hits, ranking, filters, pages and policies."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from httpx import AsyncClient
from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.database import act_as
from app.core.database.models import SCHEMA
from app.extensions.documents import search as module
from app.extensions.documents.schemas import SearchMode
from tests.extensions.documents.conftest import PATH, Store
from tests.extensions.documents.double import Answer, LanguageService
from tests.support.people import Person, SignIn

MODES = list(SearchMode)


@pytest.fixture
async def owner(sign_in: SignIn) -> Person:
    return await sign_in()


@pytest.fixture(params=[module.EXACT, 0], ids=["compared", "indexed"])
def _both_ways(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Compare all vectors, then use the index, as for many chunks."""
    monkeypatch.setattr(module, "EXACT", request.param)


async def find(client: AsyncClient, person: Person, query: str, **more: Any) -> dict[str, Any]:
    body = {"query": query} | more
    answer = await client.post(f"{PATH}/search", json=body, headers=person.headers)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def contents(page: dict[str, Any]) -> list[str]:
    return [hit["content"] for hit in page["items"]]


@pytest.mark.usefixtures("_both_ways")
@pytest.mark.parametrize("mode", MODES)
async def test_the_best_hit_comes_first(
    client: AsyncClient, owner: Person, store: Store, mode: SearchMode
) -> None:
    await store(owner, "Bread is baked at night.", "Bees dance in the hive.", "Bees sleep.")
    found = await find(client, owner, "dancing bees", mode=mode)
    assert contents(found)[0] == "Bees dance in the hive."
    scores = [hit["score"] for hit in found["items"]]
    assert scores == sorted(scores, reverse=True)


@pytest.mark.usefixtures("_both_ways")
@pytest.mark.parametrize("mode", MODES)
async def test_a_query_without_words_finds_nothing(
    client: AsyncClient, owner: Person, store: Store, mode: SearchMode
) -> None:
    """Its vector is zero, so all distances are NaN."""
    await store(owner, "Bees sleep.", "…", "Bees dance.")
    assert contents(await find(client, owner, "?!", mode=mode)) == []
    found = await find(client, owner, "bees", mode=mode)
    assert set(contents(found)) >= {"Bees sleep.", "Bees dance."}
    assert all(isinstance(hit["score"], float) for hit in found["items"])


async def test_the_operators_of_a_query(client: AsyncClient, owner: Person, store: Store) -> None:
    await store(owner, "red apple pie", "apple red wine", "green apple")
    assert contents(await find(client, owner, '"red apple"', mode="text")) == ["red apple pie"]
    assert contents(await find(client, owner, "apple -red", mode="text")) == ["green apple"]
    assert len(contents(await find(client, owner, "wine OR green", mode="text"))) == 2
    assert len(contents(await find(client, owner, "red green", mode="text"))) == 3


async def test_each_document_is_searched_in_its_language(
    client: AsyncClient, owner: Person, store: Store
) -> None:
    await store(owner, "Die Häuser sind alt.", language="de")
    await store(owner, "Les maisons anciennes", language="fr")
    assert len(contents(await find(client, owner, "Haus", mode="text"))) == 1
    assert len(contents(await find(client, owner, "maison", mode="text"))) == 1


@pytest.mark.usefixtures("_both_ways")
@pytest.mark.parametrize("mode", MODES)
async def test_filters_apply_in_every_mode(
    client: AsyncClient, owner: Person, store: Store, mode: SearchMode
) -> None:
    long_ago = datetime.now(UTC) - timedelta(days=900)
    old = await store(owner, "bees of old", labels={"shelf": "a", "x": "1"}, created_at=long_ago)
    new = await store(owner, "bees of today", labels={"shelf": "b"})

    async def ids(**filters: Any) -> set[str]:
        page = await find(client, owner, "bees", mode=mode, **filters)
        return {hit["document_id"] for hit in page["items"]}

    year_ago = (datetime.now(UTC) - timedelta(days=365)).isoformat()
    assert await ids() == {str(old.id), str(new.id)}
    assert await ids(document_ids=[str(old.id)]) == {str(old.id)}
    assert await ids(labels={"shelf": "a"}) == {str(old.id)}
    assert await ids(created_from=year_ago) == {str(new.id)}
    assert await ids(created_before=year_ago) == {str(old.id)}
    assert await ids(labels={"shelf": "b"}, document_ids=[str(old.id)]) == set()


@pytest.mark.usefixtures("_both_ways")
@pytest.mark.parametrize("mode", MODES)
async def test_pages_have_no_gaps_and_no_duplicates(
    client: AsyncClient, owner: Person, store: Store, mode: SearchMode
) -> None:
    await store(owner, *(f"bees number {number}" for number in range(25)))
    seen: list[str] = []
    cursor = None
    while True:
        page = await find(client, owner, "bees", mode=mode, limit=10, cursor=cursor)
        seen += [hit["chunk_id"] for hit in page["items"]]
        if (cursor := page["next_cursor"]) is None:
            break
    assert len(seen) == len(set(seen)) == 25
    whole = await find(client, owner, "bees", mode=mode, limit=50)
    assert [hit["chunk_id"] for hit in whole["items"]] == seen


async def test_a_snippet_marks_hits_and_escapes_tags(
    client: AsyncClient, owner: Person, store: Store
) -> None:
    # Postgres removes complete tags, but not text that a browser parses as a tag.
    await store(owner, "<script>alert(1)</script> 1 < 2 & honey <img src=x onerror=alert(1) //")
    [hit] = (await find(client, owner, "honey"))["items"]
    assert "<mark>honey</mark>" in hit["snippet"]
    rest = hit["snippet"].replace("<mark>honey</mark>", "")
    assert "&lt;img" in rest
    assert "<" not in rest


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    "query", ["the", "!", ":*&|", "'", "bees \\", "a & | !", '"', "你好", "%s"]
)
async def test_special_characters_in_a_query(
    client: AsyncClient, owner: Person, store: Store, mode: SearchMode, query: str
) -> None:
    await store(owner, "bees")
    await find(client, owner, query, mode=mode)


@pytest.mark.parametrize(
    "body",
    [
        {"query": ""},
        {"query": "a\x00b"},
        {"query": "a", "limit": 51},
        {"query": "a", "cursor": "nonsense"},
        {"query": "a", "cursor": "WzEsIDJd"},
        {"query": "a", "created_from": "2026-01-01T00:00:00"},
        {"query": "a", "document_ids": []},
        {"query": "a", "owner_id": "01980000-0000-7000-8000-000000000001"},
    ],
)
async def test_a_wrong_search_is_refused(
    client: AsyncClient, owner: Person, body: dict[str, Any]
) -> None:
    answer = await client.post(f"{PATH}/search", json=body, headers=owner.headers)
    assert answer.status_code == 422, answer.text


async def test_chunks_of_other_users_are_not_found(
    client: AsyncClient, owner: Person, store: Store, sign_in: SignIn
) -> None:
    theirs = await store(await sign_in(), "bees of another user")
    for mode in MODES:
        for filters in ({}, {"document_ids": [str(theirs.id)]}):
            assert contents(await find(client, owner, "bees", mode=mode, **filters)) == []


def unowned(sql: str) -> str:
    """Remove the owner from the WHERE of a statement."""
    return re.sub(r"(chunk\.)?owner_id = :owner_id", "true", sql)


async def test_the_policies_protect_content_if_the_ranking_fails_to(
    client: AsyncClient,
    owner: Person,
    store: Store,
    sign_in: SignIn,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await store(await sign_in(), "bees of another user")
    for name in ("_NEAR", "_FOUND", "_ALL"):
        monkeypatch.setattr(module, name, unowned(getattr(module, name)))
    binds = [bind for bind in module._SHOWN._bindparams.values() if bind.key != "owner_id"]
    shown = text(unowned(str(module._SHOWN))).bindparams(*binds)
    monkeypatch.setattr(module, "_SHOWN", shown)
    module.ranking.cache_clear()
    try:
        assert contents(await find(client, owner, "bees")) == []
        # Without the policies, the content is returned.
        monkeypatch.setattr(module, "act_as", lambda *_: None)
        assert contents(await find(client, owner, "bees")) == ["bees of another user"]
    finally:
        module.ranking.cache_clear()


@pytest.mark.parametrize("table", ["documents", "documents_chunks", "documents_embeddings"])
async def test_a_session_of_a_user_sees_only_own_rows(
    owner: Person, store: Store, sign_in: SignIn, session: AsyncSession, table: str
) -> None:
    await store(owner, "mine")
    await store(await sign_in(), "yours", "yours, too")
    await session.commit()
    act_as(session, owner.id)
    connection = await session.connection()
    seen = text(f"SELECT has_table_privilege('authenticated', '{SCHEMA}.{table}', 'SELECT')")
    if table == "documents_embeddings":
        assert not await connection.scalar(seen)
        return
    assert await connection.scalar(text(f"SELECT count(*) FROM {SCHEMA}.{table}")) == 1
    for privilege in ("INSERT", "UPDATE", "DELETE"):
        asked = text(f"SELECT has_table_privilege('{SCHEMA}.{table}', '{privilege}')")
        assert not await connection.scalar(asked)


async def test_an_outage_of_the_embedding_service_leaves_text_searches(
    client: AsyncClient, owner: Person, store: Store, service: LanguageService, configure: Any
) -> None:
    await store(owner, "bees")
    service.usual = lambda _path, _body: Answer(status=401)
    configure(EMBEDDING_PROVIDER="openai", EMBEDDING_BASE_URL=service.url)
    answer = await client.post(f"{PATH}/search", json={"query": "bees"}, headers=owner.headers)
    assert (answer.status_code, answer.json()["code"]) == (503, "embedding_unavailable")
    assert contents(await find(client, owner, "bees", mode="text")) == ["bees"]
