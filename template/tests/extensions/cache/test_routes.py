"""Cached routes: for whom, with which headers, and what they do not do."""

from typing import Annotated, Any
from unittest.mock import Mock

import pytest
from fastapi import APIRouter, FastAPI, Query, Request
from fastapi.responses import PlainTextResponse
from httpx import AsyncClient, Response
from pydantic import BaseModel

from app.core.database import Database, async_engine
from app.core.features import FeatureError
from app.core.settings import get_settings, load_settings
from app.extensions.cache import routers
from app.extensions.cache.service import Cached
from app.extensions.users.models import Role
from tests.extensions.cache import probe
from tests.support.people import SignIn


def status(answer: Response) -> str:
    return answer.headers["cache-status"].removeprefix("app; ")


async def test_each_user_has_their_own_answers(probe_client: AsyncClient, sign_in: SignIn) -> None:
    ada, bob = await sign_in(), await sign_in()
    first = await probe_client.get("/mine", headers=ada.headers)
    assert (status(first), first.json()["id"]) == ("fwd=miss; stored", str(ada.id))
    again = await probe_client.get("/mine", headers=ada.headers)
    assert (status(again), again.json()) == ("hit", first.json())
    assert again.headers["cache-control"] == "private, no-cache"
    assert again.headers["vary"] == "Authorization"
    assert again.headers["content-type"] == "application/json"
    other = await probe_client.get("/mine", headers=bob.headers)
    assert (status(other), other.json()["id"]) == ("fwd=miss; stored", str(bob.id))
    assert (await probe_client.get("/mine")).status_code == 401
    assert probe.runs["mine"] == 2


async def test_each_query_has_its_own_answer(probe_client: AsyncClient) -> None:
    for page in (1, 2, 1, 2):
        answer = await probe_client.get("/public", params={"page": page})
        assert answer.json()[0]["page"] == page
    # The same value, written in another way.
    assert status(await probe_client.get("/public", params={"page": "01"})) == "hit"
    assert probe.runs["public"] == 2


async def test_a_matching_etag_is_answered_without_the_body(probe_client: AsyncClient) -> None:
    first = await probe_client.get("/public")
    etag = first.headers["etag"]
    assert not etag.startswith("W/")
    for sent in (etag, f"W/{etag}", f'"other", {etag}', "*"):
        same = await probe_client.get("/public", headers={"If-None-Match": sent})
        assert (same.status_code, same.content) == (304, b"")
        assert same.headers["etag"] == etag
        assert status(same) == "hit"
    changed = await probe_client.get("/public", headers={"If-None-Match": '"other"'})
    assert (changed.status_code, changed.content) == (200, first.content)


async def test_nobody_gets_an_answer_or_a_304_without_authorization(
    probe_client: AsyncClient, sign_in: SignIn
) -> None:
    admin, ada = await sign_in(role=Role.ADMIN), await sign_in()
    first = await probe_client.get("/admins", headers=admin.headers)
    assert status(first) == "fwd=miss; stored"
    known = {"If-None-Match": first.headers["etag"]}
    assert (await probe_client.get("/admins", headers=known)).status_code == 401
    refused = await probe_client.get("/admins", headers=known | ada.headers)
    assert refused.status_code == 403
    assert "etag" not in refused.headers
    allowed = await probe_client.get("/admins", headers=known | admin.headers)
    assert allowed.status_code == 304


async def test_what_is_the_same_for_all_is_computed_once_and_stays_private(
    probe_client: AsyncClient, sign_in: SignIn
) -> None:
    for person in (await sign_in(), await sign_in()):
        answer = await probe_client.get("/for-all-who-sign-in", headers=person.headers)
        assert answer.headers["cache-control"] == "private, no-cache"
    assert probe.runs["for all"] == 1
    stranger = await probe_client.get("/public")
    assert stranger.headers["cache-control"] == "public, no-cache"


async def test_a_hit_of_a_public_list_asks_no_database(
    api: FastAPI, probe_client: AsyncClient
) -> None:
    first = await probe_client.get("/public")
    unreachable = {"database_url": "postgresql://nobody@127.0.0.1:1/none"}
    real = api.state.database
    api.state.database = Database(async_engine(get_settings().model_copy(update=unreachable)))
    try:
        again = await probe_client.get("/public")
        assert (status(again), again.content) == ("hit", first.content)
        assert (await probe_client.get("/public", params={"page": 2})).status_code == 503
    finally:
        api.state.database = real


async def test_that_there_is_nothing_is_cached_too(probe_client: AsyncClient) -> None:
    for _ in range(2):
        answer = await probe_client.get("/missing/7")
        assert (answer.status_code, answer.json()["code"]) == (404, "note_not_found")
        assert answer.json()["detail"] == "There is no 7."
    assert probe.runs["missing"] == 1


async def test_an_answer_has_the_form_that_the_route_declares(probe_client: AsyncClient) -> None:
    for _ in range(2):
        answer = await probe_client.get("/formed")
        assert (answer.status_code, answer.json()) == (203, {"run": 1})
        other = await probe_client.get("/formed-otherwise")
        assert (other.status_code, other.json()) == (200, {"run": 1})
    assert status(answer) == status(other) == "hit"


async def test_two_routes_with_one_function_do_not_share_an_answer(
    probe_client: AsyncClient,
) -> None:
    whole = await probe_client.get("/plain")
    short = await probe_client.get("/two-forms")
    assert (whole.json(), short.json()) == ({"id": None, "run": 1, "page": 1}, {"run": 2})


async def test_a_cache_that_is_off_counts_as_a_bypass(
    probe_client: AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CACHE_ENABLED", "false")
    load_settings.cache_clear()
    answers = [await probe_client.get("/public") for _ in range(2)]
    assert [status(answer) for answer in answers] == ["fwd=bypass; detail=off"] * 2
    assert probe.runs["public"] == 2


async def one() -> int:
    return 1


@pytest.mark.parametrize(
    "options",
    [
        {"methods": ["POST"]},
        {"methods": ["GET", "HEAD"]},
        {"response_class": PlainTextResponse},
        {"response_model": None},
    ],
)
@pytest.mark.parametrize("in_module", [True, False])
def test_a_route_that_cannot_be_cached_is_an_error(
    monkeypatch: pytest.MonkeyPatch, options: dict[str, Any], in_module: bool
) -> None:
    router, options_of_cache = APIRouter(), Cached(expires=1)
    router.add_api_route("", one if in_module else options_of_cache(one), **options)
    feature, module = Mock(), Mock(CACHED={"one": options_of_cache} if in_module else {})
    feature.name = "parcels"
    monkeypatch.setattr(routers, "load", lambda _: ((feature, module),))
    with pytest.raises(FeatureError, match="one"):
        routers.prepare("parcels", router)


def test_each_route_of_a_function_is_cached(monkeypatch: pytest.MonkeyPatch) -> None:
    router = APIRouter()
    for path in ("/a", "/b"):
        router.add_api_route(path, one, response_model=float)
    feature = Mock()
    feature.name = "parcels"
    module = Mock(CACHED={"one": Cached(expires=1)})
    monkeypatch.setattr(routers, "load", lambda _: ((feature, module),))
    routers.prepare("parcels", router)
    assert all(hasattr(route.endpoint, "serve_hit") for route in router.routes)  # type: ignore[attr-defined]


async def takes_the_request(request: Request) -> int:
    return 1


async def lacks_a_result():  # type: ignore[no-untyped-def]
    return 1


def blocks() -> int:
    return 1


@pytest.mark.parametrize(
    ("function", "message"),
    [(takes_the_request, "request"), (lacks_a_result, "annotation"), (blocks, "async")],
)
def test_a_function_that_cannot_be_cached_is_an_error(function: object, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        Cached(expires=1)(function)  # type: ignore[arg-type]


class Key(BaseModel):
    name: str


@pytest.mark.parametrize("tag", ["x:{typo}", "x:{key.typo}", "x:{maybe.name}", "x:{}", "{key!r}"])
def test_a_tag_with_a_wrong_placeholder_is_an_error(tag: str) -> None:
    async def function(key: Annotated[Key, Query()], maybe: Key | None = None) -> int:
        return 1

    Cached(expires=1, tags=("x:{key.name}", "{key}:{maybe}"))(function)
    with pytest.raises(TypeError, match="braces"):
        Cached(expires=1, tags=("x", tag))(function)


@pytest.mark.parametrize("seconds", [0, -1, 86_401])
def test_an_entry_lives_for_at_most_a_day(seconds: float) -> None:
    with pytest.raises(ValueError, match="86400"):
        Cached(expires=seconds)
