"""Hits that FastAPI does not resolve parameters for: who gets them, and for how long."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from typing import Annotated, Any, get_args
from unittest.mock import Mock

import pytest
from fastapi import APIRouter, Depends, FastAPI, Header, Query
from fastapi import routing as fastapi_routing
from httpx import ASGITransport, AsyncClient
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.database import DatabaseReader, DatabaseSession
from app.core.http.error_handlers import add_error_handlers
from app.core.http.exact_routes import ExactRoutes
from app.core.http.middleware import RequestContext
from app.core.redis import redis_key, store
from app.core.settings import get_settings
from app.extensions.cache import routers
from app.extensions.cache.service import Cached
from app.extensions.cache.store import STORE_OF_PROCESS, Store
from app.extensions.cache.turns import Turns
from app.extensions.users import service as users
from app.extensions.users.deps import AdminUser, CurrentUser, OptionalUser, UserSession
from app.extensions.users.models import Role, Status
from tests.extensions.cache.probe import Choice, Note
from tests.support.people import SignIn

runs: Counter[str] = Counter()


def run(name: str) -> Note:
    runs[name] += 1
    return Note(run=runs[name])


async def mine(
    user: CurrentUser,
    query: Annotated[Choice, Query()],
    session: DatabaseSession,
    reader: DatabaseReader,
) -> Note:
    return Note(id=user.id, run=run("mine").run, page=query.page)


async def public(page: int = 1) -> Note:
    return run("public")


async def perhaps(user: OptionalUser) -> Note:
    return run("perhaps")


async def admins(admin: AdminUser) -> Note:
    return run("admins")


async def scoped(session: UserSession) -> Note:
    return run("scoped")


async def listed() -> Note:
    return run("listed")


async def with_header(word: Annotated[str, Header()] = "") -> Note:
    return run("with header")


async def refuses(allowed: Annotated[str, Depends(lambda: "yes")]) -> Note:
    return run("refuses")


@pytest.fixture
async def short(
    app: FastAPI, solved: list[str], monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[AsyncClient]:
    """A client of an API with these routes, loaded as those of a feature."""
    router, feature = APIRouter(), Mock()
    feature.name = "probe"
    # Another API of this test process may have ended. This also forgets what is held.
    STORE_OF_PROCESS.use(app.state.redis)
    functions: dict[Callable[..., Any], Cached] = {
        mine: Cached(expires=60, tags=("mine:{user.id}",)),
        public: Cached(expires=60, public=True, tags=("public",)),
        **{
            each: Cached(expires=60)
            for each in (perhaps, admins, scoped, listed, with_header, refuses)
        },
    }
    for function in functions:
        # As a dependency of the decorator, the user is no argument.
        dependencies = [get_args(CurrentUser)[1]] if function is listed else []
        router.get(f"/{function.__name__}", dependencies=dependencies)(function)
    cached = {function.__name__: options for function, options in functions.items()}
    monkeypatch.setattr(routers, "load", lambda _: ((feature, Mock(CACHED=cached)),))
    routers.prepare("probe", router)
    api = FastAPI()
    api.state = app.state
    add_error_handlers(api)
    api.add_middleware(RequestContext, settings=get_settings())
    api.include_router(router, prefix="/probe")
    api.router.routes.insert(0, ExactRoutes(api))
    async with AsyncClient(
        transport=ASGITransport(api), base_url="http://testserver/probe"
    ) as client:
        yield client


@pytest.fixture
def solved(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The paths of the requests whose parameters FastAPI has resolved."""
    paths: list[str] = []
    solve = fastapi_routing.solve_dependencies  # type: ignore[attr-defined]

    async def noticed(**options: Any) -> Any:
        paths.append(options["request"].url.path)
        return await solve(**options)

    monkeypatch.setattr(fastapi_routing, "solve_dependencies", noticed)
    return paths


async def statuses(client: AsyncClient, path: str, **headers: str) -> list[str]:
    """What the cache says about three requests."""
    answers = [await client.get(path, headers=headers) for _ in range(3)]
    assert len({answer.content for answer in answers}) == 1
    assert len({answer.headers["etag"] for answer in answers}) == 1
    return [answer.headers["cache-status"].removeprefix("app; ") for answer in answers]


MISS_AND_HITS = ["fwd=miss; stored", "hit", "hit"]


async def test_a_hit_for_which_nothing_is_resolved(
    short: AsyncClient, solved: list[str], sign_in: SignIn
) -> None:
    ada = await sign_in()
    assert await statuses(short, "/mine?page=2", **ada.headers) == MISS_AND_HITS
    assert await statuses(short, "/public") == MISS_AND_HITS
    assert len(solved) == 4
    answer = await short.get("/mine?page=2", headers=ada.headers)
    assert (answer.json()["page"], answer.json()["id"]) == (2, str(ada.id))
    assert answer.headers["cache-control"] == "private, no-cache"
    known = {"If-None-Match": answer.headers["etag"]}
    assert (await short.get("/mine?page=2", headers=ada.headers | known)).status_code == 304
    assert len(solved) == 4
    # Another query is resolved, and checked.
    assert (await short.get("/mine?page=3", headers=ada.headers)).json()["page"] == 3
    assert (await short.get("/mine?page=x", headers=ada.headers)).status_code == 422


async def test_who_may_not_have_the_answer_does_not_get_it(
    short: AsyncClient, solved: list[str], sign_in: SignIn, session: AsyncSession
) -> None:
    ada, bob = await sign_in(), await sign_in()
    assert await statuses(short, "/mine", **ada.headers) == MISS_AND_HITS
    known = {"If-None-Match": "*"}
    assert (await short.get("/mine", headers=known)).status_code == 401
    wrong = known | {"Authorization": "Bearer x"}
    assert (await short.get("/mine", headers=wrong)).status_code == 401
    assert (await short.get("/mine", headers=bob.headers)).json()["id"] == str(bob.id)
    await users.set_status(session, ada.id, Status.SUSPENDED)
    refused = await short.get("/mine", headers=ada.headers | known)
    assert refused.status_code == 403
    assert "etag" not in refused.headers


async def test_a_user_who_is_no_argument_has_answers_of_their_own(
    short: AsyncClient, solved: list[str], sign_in: SignIn
) -> None:
    ada, bob = await sign_in(), await sign_in()
    assert await statuses(short, "/listed", **ada.headers) == MISS_AND_HITS
    assert len(solved) == 2
    assert await statuses(short, "/listed", **bob.headers) == MISS_AND_HITS
    assert (await short.get("/listed")).status_code == 401


async def test_a_caller_who_has_changed_is_another_one(
    short: AsyncClient, sign_in: SignIn, session: AsyncSession
) -> None:
    ada = await sign_in()
    assert await statuses(short, "/perhaps", **ada.headers) == MISS_AND_HITS
    assert await statuses(short, "/perhaps") == MISS_AND_HITS
    await users.set_role(session, ada.id, Role.SUPPORT)
    changed = await short.get("/perhaps", headers=ada.headers)
    assert changed.headers["cache-status"] == "app; fwd=miss; stored"


@pytest.mark.parametrize("path", ["/admins", "/scoped", "/with_header", "/refuses"])
async def test_what_the_cache_does_not_understand_is_resolved(
    short: AsyncClient, solved: list[str], sign_in: SignIn, path: str
) -> None:
    admin, ada = await sign_in(role=Role.ADMIN), await sign_in()
    assert await statuses(short, path, **admin.headers) == MISS_AND_HITS
    assert len(solved) == 3
    if path == "/admins":
        assert (await short.get(path, headers=ada.headers)).status_code == 403
    if path == "/scoped":
        assert (await short.get(path)).status_code == 401


async def test_other_processes_make_what_is_held_invalid_at_once(short: AsyncClient) -> None:
    assert await statuses(short, "/public") == MISS_AND_HITS
    assert STORE_OF_PROCESS._held
    # A Redis that has lost everything, and with it the versions.
    for key in [*store().scan_iter(redis_key("cache:*"))]:
        store().delete(key)
    # The tags have versions again before this process asks.
    await STORE_OF_PROCESS.look("another", "another", ["public"], "token", 1000, 0)
    assert await statuses(short, "/public") == MISS_AND_HITS
    await asyncio.to_thread(Store().invalidate_blocking, ["public"])
    assert await statuses(short, "/public") == MISS_AND_HITS


async def test_what_is_held_expires(short: AsyncClient) -> None:
    assert await statuses(short, "/public") == MISS_AND_HITS
    (key,) = [each for each in STORE_OF_PROCESS._held if f".{public.__name__}:" in each]
    assert await STORE_OF_PROCESS.recall(key)
    STORE_OF_PROCESS._held[key].until = 0
    assert await STORE_OF_PROCESS.recall(key) is None


async def test_hits_are_counted_that_share_a_round_trip(short: AsyncClient) -> None:
    name = f"{__name__}.public"
    await statuses(short, "/public")
    before = STORE_OF_PROCESS.counts()[name]
    await asyncio.gather(*(short.get("/public") for _ in range(20)))
    hits, misses = STORE_OF_PROCESS.counts()[name]
    assert (hits - before[0], misses - before[1]) == (20, 0)


async def test_nobody_gets_a_reply_to_an_earlier_question() -> None:
    asked: list[int] = []
    go_on = asyncio.Event()

    async def question(callers: int) -> int:
        asked.append(callers)
        number = len(asked)
        await go_on.wait()
        if number == 3:
            raise ValueError("no reply")
        return number

    turns = Turns(question)
    first = [asyncio.create_task(turns.ask()) for _ in range(5)]
    await asyncio.sleep(0)
    go_on.set()
    assert await asyncio.gather(*first) == [1, 2, 2, 2, 2]
    assert asked == [1, 4]
    with pytest.raises(ValueError, match="no reply"):
        await turns.ask()
    assert await turns.ask() == 4


@pytest.mark.parametrize("size", [0, 100])
async def test_an_entry_that_is_too_large_is_not_held(
    short: AsyncClient, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    monkeypatch.setattr(STORE_OF_PROCESS, "_held", type(STORE_OF_PROCESS._held)(size))
    assert await statuses(short, "/public") == MISS_AND_HITS
    assert not STORE_OF_PROCESS._held
