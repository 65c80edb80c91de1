"""Entries become invalid with the commit of what they show."""

import asyncio
from typing import Any
from uuid import uuid4

import pytest
from httpx import AsyncClient
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.database import sync_session
from app.core.redis import RedisDownError
from app.extensions.cache.scripts import INVALIDATE
from app.extensions.cache.service import cached, invalidate
from app.extensions.cache.store import Found, Store
from tests.support.people import SignIn

pytestmark = pytest.mark.usefixtures("app")

runs = 0


@cached(expires=60, public=True, tags=("notes", "note:{key}"))
async def note(key: str) -> int:
    global runs
    runs += 1
    return runs


async def test_after_the_commit_and_not_before(session: AsyncSession) -> None:
    key = uuid4().hex
    first = await note(key)
    other = await note("other")
    invalidate(session, f"note:{key}")
    assert await note(key) == first
    await session.commit()
    assert await note(key) > first
    assert await note("other") == other


async def test_not_if_the_session_rolls_back(session: AsyncSession) -> None:
    first = await note("a")
    await session.connection()
    invalidate(session, "notes")
    await session.rollback()
    await session.commit()
    assert await note("a") == first


async def test_a_savepoint_is_not_a_commit(session: AsyncSession) -> None:
    first = await note("a")
    async with session.begin_nested():
        invalidate(session, "notes")
    assert await note("a") == first
    await session.commit()
    assert await note("a") > first


@pytest.mark.parametrize("ends_before", [True, False])
async def test_a_savepoint_that_is_rolled_back_keeps_what_the_session_did(
    session: AsyncSession, ends_before: bool
) -> None:
    first = await note("a")
    await session.connection()
    invalidate(session, "notes")
    savepoint = await session.begin_nested()
    await savepoint.rollback()
    await session.commit()
    second = await note("a")
    assert second > first

    # But a rollback of the whole session forgets it, also with an open savepoint.
    invalidate(session, "notes")
    savepoint = await session.begin_nested()
    if ends_before:
        await savepoint.rollback()
    await session.rollback()
    await session.connection()
    await session.commit()
    assert await note("a") == second


async def test_a_session_that_blocks_does_the_same() -> None:
    first = await note("a")

    def change() -> None:
        with sync_session() as session:
            session.connection()
            invalidate(session, "notes")
            session.commit()

    await asyncio.to_thread(change)
    assert await note("a") > first


async def test_a_result_that_was_computed_from_older_data_is_not_used(
    session: AsyncSession,
) -> None:
    current, begun, go_on = 1, asyncio.Event(), asyncio.Event()

    @cached(expires=60, public=True, tags=("races",))
    async def read() -> int:
        found = current
        begun.set()
        await go_on.wait()
        return found

    reading = asyncio.ensure_future(read())
    await begun.wait()
    current = 2
    await session.connection()
    invalidate(session, "races")
    await session.commit()
    go_on.set()
    assert await reading == 1  # it began before the change
    assert await read() == 2


async def test_an_invalidation_that_failed_is_repeated_although_an_earlier_one_worked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    this_process, other_process = Store(), Store()
    ask, has_run, may_return = this_process._ask, asyncio.Event(), asyncio.Event()

    async def slow_once(script: Any, *arguments: Any) -> Any:
        if script is INVALIDATE and has_run.is_set():
            raise RedisDownError
        reply = await ask(script, *arguments)
        has_run.set()
        await may_return.wait()
        return reply

    async def look(store: Store) -> Found:
        return await store.look("repeated", "probe", ["repeated"], "token", 1000, 0)

    monkeypatch.setattr(this_process, "_ask", slow_once)
    monkeypatch.setattr(this_process.redis, "PAUSE", 3600.0)  # a read repeats it, not the task
    earlier = asyncio.create_task(this_process.invalidate(["repeated"]))
    await has_run.wait()
    found = await look(other_process)
    assert await other_process.save("repeated", "token", found.version, b"+old", 60)
    await this_process.invalidate(["repeated"])
    may_return.set()
    await earlier
    assert this_process._retrying
    this_process._retrying.cancel()

    monkeypatch.setattr(this_process, "_ask", ask)
    assert (await look(this_process)).body is None


async def test_an_invalidation_whose_caller_is_cancelled_is_repeated(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    this_process, other_process = Store(), Store()
    ask, asked, never = this_process._ask, asyncio.Event(), asyncio.Event()

    async def stuck_once(*arguments: Any) -> Any:
        if not asked.is_set():
            asked.set()
            await never.wait()
        return await ask(*arguments)

    async def look() -> Found:
        return await other_process.look("cancelled", "probe", ["cancelled"], "token", 1000, 0)

    monkeypatch.setattr(this_process, "_ask", stuck_once)
    monkeypatch.setattr(this_process.redis, "PAUSE", 0.0)
    found = await look()
    assert await other_process.save("cancelled", "token", found.version, b"+old", 60)
    caller = asyncio.create_task(this_process.invalidate(["cancelled"]))
    await asked.wait()
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    # Without a read in this process.
    assert this_process._retrying
    await asyncio.wait_for(this_process._retrying, 5)
    assert (await look()).body is None


async def test_a_route_names_a_tag_by_its_arguments(
    probe_client: AsyncClient, sign_in: SignIn, session: AsyncSession
) -> None:
    ada, bob = await sign_in(), await sign_in()
    for person in (ada, bob):
        await probe_client.get("/mine", headers=person.headers)
    await session.connection()
    invalidate(session, f"mine:{ada.id}")
    await session.commit()
    changed = await probe_client.get("/mine", headers=ada.headers)
    assert changed.headers["cache-status"] == "app; fwd=miss; stored"
    same = await probe_client.get("/mine", headers=bob.headers)
    assert same.headers["cache-status"] == "app; hit"
