"""Flags in the database, by the service, the routes and the cache."""

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated, Any
from uuid import uuid4

import pytest
from fastapi import APIRouter, Depends, FastAPI
from httpx import ASGITransport, AsyncClient
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.database import Reader
from app.core.errors import InvalidError, NotFoundError
from app.core.features import FeatureError
from app.core.http.error_handlers import add_error_handlers
from app.extensions.flags import deps
from app.extensions.flags.lifespan import lifespan
from app.extensions.flags.models import FlagState, Kind
from app.extensions.flags.service import all_values, changes, is_on, is_on_blocking
from app.extensions.flags.snapshot import SNAPSHOTS
from tests.extensions.flags.conftest import OFF, ON, Declare, forget
from tests.support.people import SignIn

PATH = "/api/v1/flags"
NAME = OFF.name


@pytest.fixture
def reader(app: FastAPI) -> Reader:
    found: Reader = app.state.database.reader
    return found


async def test_a_flag_has_its_default_until_it_is_set(
    session: AsyncSession, reader: Reader
) -> None:
    user_id = uuid4()
    assert await all_values(reader, user_id=user_id) == {NAME: False, ON.name: True}
    await changes.set_percentage(session, NAME, 100)
    assert await is_on(reader, NAME, user_id=user_id)
    await changes.switch_off(session, NAME)
    assert not await is_on(reader, NAME, user_id=user_id)
    await changes.set_percentage(session, NAME, None)
    assert not await is_on(reader, NAME, user_id=user_id)


async def test_off_keeps_the_percentage_and_beats_exceptions(
    session: AsyncSession, reader: Reader
) -> None:
    user_id, group = uuid4(), uuid4()
    await changes.set_override(session, NAME, Kind.USER, user_id, True)
    await changes.set_override(session, NAME, Kind.GROUP, group, True)
    groups = {"team": str(group)}
    assert await is_on(reader, NAME, user_id=user_id)
    assert await is_on(reader, NAME, user_id=uuid4(), groups=groups)
    assert not await is_on(reader, NAME, user_id=uuid4())
    await changes.switch_off(session, NAME)
    assert not await is_on(reader, NAME, user_id=user_id, groups=groups)
    await changes.set_percentage(session, NAME, 0)
    assert await is_on(reader, NAME, user_id=user_id)
    await changes.set_override(session, NAME, Kind.USER, user_id, None)
    assert not await is_on(reader, NAME, user_id=user_id)


async def test_another_process_learns_of_a_change_after_some_seconds(
    session: AsyncSession, reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not await is_on(reader, NAME, user_id=uuid4())
    session.add(FlagState(name=NAME, percentage=100))  # as another process would
    await session.commit()
    assert not await is_on(reader, NAME, user_id=uuid4())
    monkeypatch.setenv("FLAGS_CACHE_SECONDS", "0")
    forget()
    assert await is_on(reader, NAME, user_id=uuid4())


async def test_while_the_database_is_down_the_last_flags_are_used(
    session: AsyncSession, reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    await changes.set_percentage(session, NAME, 100)
    assert await is_on(reader, NAME, user_id=uuid4())
    asked = []

    async def down(*_: object) -> None:
        asked.append(1)
        raise ConnectionRefusedError

    monkeypatch.setattr(reader, "rows", down)
    SNAPSHOTS.evict()
    for _ in range(3):
        assert await is_on(reader, NAME, user_id=uuid4())
    assert len(asked) == 1  # not once for each request


def test_a_task_that_is_not_async_asks_too() -> None:
    assert not is_on_blocking(NAME, user_id=None)
    assert is_on_blocking(ON.name, user_id=uuid4())


async def test_wrong_names_and_percentages_are_refused(
    session: AsyncSession, reader: Reader
) -> None:
    with pytest.raises(FeatureError, match=r"flag 'shop\.expres'"):
        await is_on(reader, "shop.expres", user_id=None)
    with pytest.raises(NotFoundError):
        await changes.switch_off(session, "shop.expres")
    for percentage in (-1, 101):
        with pytest.raises(InvalidError):
            await changes.set_percentage(session, NAME, percentage)


def test_a_flag_belongs_to_its_feature(declare: Declare) -> None:
    declare(OFF, feature="orders")
    with pytest.raises(FeatureError, match=r"begin with 'orders\.'"):
        is_on_blocking(NAME, user_id=None)
    with pytest.raises(ValueError, match=r"feature\.flag"):
        type(OFF)("Express", "", owner="", expires=OFF.expires)


# --- Routes -----------------------------------------------------------------------------------


@pytest.fixture
async def shop(app: FastAPI) -> AsyncIterator[AsyncClient]:
    router = APIRouter()

    @router.get("/value")
    async def value(on: Annotated[bool, Depends(deps.flag(NAME))]) -> bool:
        return on

    @router.get("/hidden", dependencies=[Depends(deps.require_flag(NAME))])
    async def hidden() -> str:
        return "found"

    api = FastAPI()
    api.include_router(router, prefix="/shop")
    add_error_handlers(api)
    api.state = app.state
    async with AsyncClient(transport=ASGITransport(api), base_url="http://test") as client:
        yield client
    deps.NAMED.discard(NAME)


async def test_routes_ask_for_the_caller(
    shop: AsyncClient, session: AsyncSession, sign_in: SignIn
) -> None:
    ada, bob = await sign_in(), await sign_in()
    await changes.set_override(session, NAME, Kind.USER, ada.id, True)

    async def answers(headers: dict[str, str]) -> tuple[bool, int]:
        shown = await shop.get("/shop/value", headers=headers)
        return shown.json(), (await shop.get("/shop/hidden", headers=headers)).status_code

    assert await answers(ada.headers) == (True, 200)
    assert await answers(bob.headers) == (False, 404)
    assert await answers({}) == (False, 404)
    missing = await shop.get("/shop/hidden")
    assert missing.json()["code"] == "not_found"


async def test_an_app_reads_all_flags(
    client: AsyncClient, session: AsyncSession, sign_in: SignIn
) -> None:
    ada = await sign_in()
    await changes.set_override(session, NAME, Kind.USER, ada.id, True)
    assert (await client.get(PATH)).json() == {NAME: False, ON.name: True}
    mine = await client.get(PATH, headers=ada.headers)
    assert mine.json() == {NAME: True, ON.name: True}


async def test_a_route_with_an_unknown_flag_fails_the_start() -> None:
    deps.flag("shop.typo")
    try:
        with pytest.raises(FeatureError, match=r"shop\.typo"):
            async with lifespan(FastAPI()):
                pass
    finally:
        deps.NAMED.discard("shop.typo")


async def test_a_slow_read_from_before_a_change_does_not_undo_it(
    session: AsyncSession, reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    await changes.set_percentage(session, NAME, 100)
    has_read, may_return = asyncio.Event(), asyncio.Event()
    rows = Reader.rows

    async def slow(*arguments: Any) -> Any:
        found = await rows(*arguments)
        has_read.set()
        await may_return.wait()
        return found

    with monkeypatch.context() as patched:
        patched.setattr(Reader, "rows", slow)
        late = asyncio.create_task(SNAPSHOTS.refresh(reader))
        await has_read.wait()
    await changes.switch_off(session, NAME)
    user_id = uuid4()
    assert not await is_on(reader, NAME, user_id=user_id)
    may_return.set()
    await late
    assert not await is_on(reader, NAME, user_id=user_id)
