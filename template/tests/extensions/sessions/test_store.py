"""Sessions in Redis: what a cookie opens, how a session moves, and how sessions end."""

import time
from collections.abc import Awaitable, Callable
from uuid import UUID, uuid4

import pytest
from cryptography.fernet import InvalidToken
from fastapi import FastAPI
from redis.asyncio import Redis

from app.extensions.sessions.service import store
from app.extensions.sessions.service.browser import Browser, new_secret
from app.extensions.sessions.service.store import Session, Tokens

TOKENS = Tokens("access", "refresh", 1.0)

Start = Callable[[], Awaitable[tuple[Browser, Session]]]


@pytest.fixture
def redis(running_app: FastAPI) -> Redis:
    """The client of the API."""
    client: Redis = running_app.state.redis
    return client


@pytest.fixture
def user_id() -> UUID:
    return uuid4()


@pytest.fixture
def start(redis: Redis, user_id: UUID) -> Start:
    """Start a session of the user with another browser."""

    async def start() -> tuple[Browser, Session]:
        browser = Browser(new_secret(), is_new=False)
        session = await store.start(
            redis,
            browser,
            TOKENS,
            user_id=user_id,
            role="user",
            method="password",
            address="127.0.0.1",
            agent="x" * 1000,
        )
        return browser, session

    return start


async def keys(redis: Redis, user_id: UUID) -> set[str]:
    return {session.key for session, _ in await store.of_user(redis, user_id)}


async def test_tokens_are_opened_by_the_cookie_alone(redis: Redis, start: Start) -> None:
    browser, session = await start()
    stored = await store.get(redis, browser.key)
    assert stored == session
    assert stored.tokens(browser) == TOKENS
    other, _ = await start()
    with pytest.raises(InvalidToken):
        stored.tokens(other)


@pytest.mark.parametrize("grace", [0, 30])
async def test_a_session_moves_to_another_cookie(
    redis: Redis, start: Start, user_id: UUID, grace: int
) -> None:
    old, session = await start()
    new = Browser(new_secret(), is_new=True)
    moved = await store.move(redis, session, old, new, grace=grace, role="admin")
    assert moved
    assert (moved.role, moved.started_at) == ("admin", session.started_at)
    assert moved.tokens(new) == TOKENS
    assert await keys(redis, user_id) == {new.key}
    assert (await store.get(redis, old.key) is not None) is bool(grace)


async def test_the_previous_cookie_works_for_a_moment_however_often_it_is_used(
    redis: Redis, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, session = await start()
    await store.move(redis, session, old, Browser(new_secret(), is_new=True), grace=30)
    assert await store.get(redis, old.key)
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 31)
    assert await store.get(redis, old.key) is None


@pytest.mark.parametrize("everywhere", [True, False])
async def test_a_session_ends_with_its_previous_cookie(
    redis: Redis, start: Start, user_id: UUID, everywhere: bool
) -> None:
    old, session = await start()
    moved = await store.move(redis, session, old, Browser(new_secret(), is_new=True), grace=30)
    assert moved
    await (store.end_all(redis, user_id) if everywhere else store.end(redis, moved))
    assert await store.get(redis, old.key) is None


async def test_all_sessions_of_a_user_end_but_one(
    redis: Redis, start: Start, user_id: UUID
) -> None:
    kept, *ended = [(await start())[1].key for _ in range(3)]
    assert await keys(redis, user_id) == {kept, *ended}
    await store.end_all(redis, user_id, keep=kept)
    assert await keys(redis, user_id) == {kept}
    assert [await store.get(redis, key) for key in ended] == [None, None]
    await store.end_all(redis, user_id)
    assert await keys(redis, user_id) == set()


@pytest.mark.parametrize("grace", [0, 30])
async def test_a_change_lengthens_no_life_and_undoes_no_other_one(
    redis: Redis, start: Start, user_id: UUID, grace: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, session = await start()
    # Two requests have read the session; the other one finishes first.
    await store.save_tokens(redis, session, old, Tokens("a", "b", 2.0))
    new = Browser(new_secret(), is_new=True)
    moved = await store.move(redis, session, old, new, grace=grace)
    changed = await store.change(redis, session, confirmed_at=3.0)
    assert moved
    assert moved.tokens(new) == Tokens("a", "b", 2.0)
    assert (changed is None) is not grace
    if changed:
        assert (changed.confirmed_at, changed.tokens(old)) == (3.0, Tokens("a", "b", 2.0))
        assert await store.get(redis, old.key)
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + grace + 1)
    assert await store.get(redis, old.key) is None
    assert await keys(redis, user_id) == {new.key}


async def test_a_session_that_has_ended_does_not_come_back(
    redis: Redis, start: Start, user_id: UUID
) -> None:
    browser, session = await start()
    await store.end(redis, session)
    assert await store.save_tokens(redis, session, browser, Tokens("a", "b", 2.0)) is None
    new = Browser(new_secret(), is_new=True)
    assert await store.move(redis, session, browser, new, grace=30) is None
    assert [await store.get(redis, key) for key in (session.key, new.key)] == [None, None]
    assert await keys(redis, user_id) == set()


async def test_a_session_ends_although_another_request_has_moved_it(
    redis: Redis, start: Start, user_id: UUID
) -> None:
    old, session = await start()
    await store.move(redis, session, old, Browser(new_secret(), is_new=True), grace=30)
    await store.end(redis, session)
    assert await keys(redis, user_id) == set()


@pytest.mark.parametrize("everywhere", [True, False])
async def test_a_session_ends_although_another_request_moves_it_at_this_moment(
    redis: Redis,
    start: Start,
    user_id: UUID,
    monkeypatch: pytest.MonkeyPatch,
    everywhere: bool,
) -> None:
    old, session = await start()
    new = Browser(new_secret(), is_new=True)
    read = store._members

    async def read_and_move(redis: Redis, user_id: UUID) -> set[bytes]:
        found = await read(redis, user_id)
        await store.move(redis, session, old, new, grace=30)
        return found

    with monkeypatch.context() as patch:
        patch.setattr(store, "_members", read_and_move)
        await (store.end_all(redis, user_id) if everywhere else store.end(redis, session))
    assert [await store.get(redis, each.key) for each in (old, new)] == [None, None]
    assert await keys(redis, user_id) == set()


async def test_a_long_name_of_a_browser_is_cut(start: Start) -> None:
    _, session = await start()
    assert len(session.agent) == 200
