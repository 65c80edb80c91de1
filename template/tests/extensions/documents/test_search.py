"""Search over HTTP: what is found, in which order, and by whom."""

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
    """Ask few chunks as ever, then as if they were many."""
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
async def test_the_best_comes_first(
    client: AsyncClient, owner: Person, store: Store, mode: SearchMode
) -> None:
    await store(owner, "Bread is baked at night.", "Bees dance in the hive.", "Bees sleep.")
    found = await find(client, owner, "dancing bees", mode=mode)
    assert contents(found)[0] == "Bees dance in the hive."
    scores = [hit["score"] for hit in found["items"]]
    assert scores == sorted(scores, reverse=True)


@pytest.mark.usefixtures("_both_ways")
@pytest.mark.parametrize("mode", MODES)
async def test_a_query_without_a_word_finds_nothing(
    client: AsyncClient, owner: Person, store: Store, mode: SearchMode
) -> None:
    """Its vector has no direction: every distance to it is not a number."""
    await store(owner, "Bees sleep.", "…", "Bees dance.")
    assert contents(await find(client, owner, "?!", mode=mode)) == []
    found = await find(client, owner, "bees", mode=mode)
    assert set(contents(found)) >= {"Bees sleep.", "Bees dance."}
    assert all(isinstance(hit["score"], float) for hit in found["items"])


async def test_words_are_taken_as_typed_where_signs_say_so(
    client: AsyncClient, owner: Person, store: Store
) -> None:
    await store(owner, "red apple pie", "apple red wine", "green apple")
    assert contents(await find(client, owner, '"red apple"', mode="text")) == ["red apple pie"]
    assert contents(await find(client, owner, "apple -red", mode="text")) == ["green apple"]
    assert len(contents(await find(client, owner, "wine OR green", mode="text"))) == 2
    assert len(contents(await find(client, owner, "red green", mode="text"))) == 3


async def test_each_document_is_asked_in_its_language(
    client: AsyncClient, owner: Person, store: Store
) -> None:
    await store(owner, "Die Häuser sind alt.", language="de")
    await store(owner, "Les maisons anciennes", language="fr")
    assert len(contents(await find(client, owner, "Haus", mode="text"))) == 1
    assert len(contents(await find(client, owner, "maison", mode="text"))) == 1


@pytest.mark.usefixtures("_both_ways")
@pytest.mark.parametrize("mode", MODES)
async def test_filters_narrow_every_mode(
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
async def test_pages_follow_each_other_without_gap_or_double(
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


async def test_a_snippet_marks_what_was_found_and_lets_no_tag_through(
    client: AsyncClient, owner: Person, store: Store
) -> None:
    # Postgres leaves whole tags out by itself, but not what a browser makes one of.
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
async def test_no_query_breaks_a_search(
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


async def test_nothing_of_others_is_found(
    client: AsyncClient, owner: Person, store: Store, sign_in: SignIn
) -> None:
    theirs = await store(await sign_in(), "bees of somebody else")
    for mode in MODES:
        for filters in ({}, {"document_ids": [str(theirs.id)]}):
            assert contents(await find(client, owner, "bees", mode=mode, **filters)) == []


def unowned(sql: str) -> str:
    """The same without its owner in the WHERE."""
    return re.sub(r"(chunk\.)?owner_id = :owner_id", "true", sql)


async def test_the_policies_hold_where_the_ranking_does_not(
    client: AsyncClient,
    owner: Person,
    store: Store,
    sign_in: SignIn,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await store(await sign_in(), "bees of somebody else")
    for name in ("_NEAR", "_FOUND", "_ALL"):
        monkeypatch.setattr(module, name, unowned(getattr(module, name)))
    binds = [bind for bind in module._SHOWN._bindparams.values() if bind.key != "owner_id"]
    shown = text(unowned(str(module._SHOWN))).bindparams(*binds)
    monkeypatch.setattr(module, "_SHOWN", shown)
    module.ranking.cache_clear()
    try:
        assert contents(await find(client, owner, "bees")) == []
        # Without the policies it would be there: this is what they hold back.
        monkeypatch.setattr(module, "act_as", lambda *_: None)
        assert contents(await find(client, owner, "bees")) == ["bees of somebody else"]
    finally:
        module.ranking.cache_clear()


@pytest.mark.parametrize("table", ["documents", "documents_chunks", "documents_embeddings"])
async def test_a_session_of_a_user_sees_their_rows_alone(
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


async def test_a_service_that_is_away_is_told_and_words_still_work(
    client: AsyncClient, owner: Person, store: Store, service: LanguageService, configure: Any
) -> None:
    await store(owner, "bees")
    service.usual = lambda _path, _body: Answer(status=401)
    configure(EMBEDDING_PROVIDER="openai", EMBEDDING_BASE_URL=service.url)
    answer = await client.post(f"{PATH}/search", json={"query": "bees"}, headers=owner.headers)
    assert (answer.status_code, answer.json()["code"]) == (503, "embedding_unavailable")
    assert contents(await find(client, owner, "bees", mode="text")) == ["bees"]
