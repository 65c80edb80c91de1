"""Last uses, new addresses, and the deletion of old keys."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from uuid import uuid4

import pytest
from fastapi import FastAPI
from httpx import AsyncClient
from sqlalchemy import text, update
from sqlmodel import Session, col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.database.models import utcnow
from app.extensions.api_keys import history, service, uses
from app.extensions.api_keys.models import ApiKey, ApiKeyAddress
from app.extensions.api_keys.schemas import ApiKeyCreate
from app.extensions.users.models import User
from tests.extensions.api_keys.conftest import HERE, ME, MakeKey, Statements
from tests.support.logs import rendered
from tests.support.people import Person

ClientOf = Callable[[str], AsyncClient]


async def row(session: AsyncSession, key_id: object) -> ApiKey:
    session.expire_all()
    return (await session.exec(select(ApiKey).where(ApiKey.id == key_id))).one()


async def test_uses_are_written_in_one_batch(
    app: FastAPI,
    from_address: ClientOf,
    ada: Person,
    make_key: MakeKey,
    session: AsyncSession,
    statements: Statements,
) -> None:
    first, second = await make_key(ada), await make_key(ada)
    async with from_address("203.0.113.7") as client, from_address("2001:db8::1") as other:
        async with statements() as found:
            for _ in range(5):
                for key in (first, second):
                    assert (await client.get(ME, headers=key.headers)).status_code == 200
        assert not any("UPDATE" in sql or "INSERT" in sql for sql in found)
        await other.get(ME, headers=second.headers)
    assert (await row(session, first.id)).last_used_at is None

    async with statements() as found:
        await uses.current.write(app.state.database)
    assert sum("UPDATE" in sql.upper().split() for sql in found) <= 4
    assert (await row(session, first.id)).last_used_from == "203.0.113.7"
    used = await row(session, second.id)
    assert used.last_used_from == "2001:db8::/64"
    assert used.last_used_at
    assert timedelta(0) <= utcnow() - used.last_used_at < timedelta(seconds=30)

    async with statements() as found:
        await uses.current.write(app.state.database)
    assert found == []


async def test_each_new_address_is_reported_once(
    app: FastAPI,
    from_address: ClientOf,
    ada: Person,
    make_key: MakeKey,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO")
    key = await make_key(ada)
    for address in ("203.0.113.7", "203.0.113.8", "203.0.113.7", "2001:db8::1", "2001:db8::2"):
        async with from_address(address) as client:
            await client.get(ME, headers=key.headers)
        await uses.current.write(app.state.database)
    lines = [line for line in rendered(caplog) if "api_key_new_address" in line]
    found = ("203.0.113.7", "203.0.113.8", "2001:db8::/64")
    assert [next(each for each in found if each in line) for line in lines] == list(found)


async def test_a_late_batch_does_not_move_the_last_use_back(
    ada: Person, make_key: MakeKey, session: AsyncSession
) -> None:
    key, now = await make_key(ada), utcnow()
    await history.commit(session, await uses.store(session, {(key.id, "a"): now}))
    late = {(key.id, "a"): now - timedelta(hours=1), (key.id, "b"): now - timedelta(hours=1)}
    await history.commit(session, await uses.store(session, late))
    used = await row(session, key.id)
    assert (used.last_used_at, used.last_used_from) == (now, "a")
    found = (await session.exec(select(ApiKeyAddress).where(ApiKeyAddress.key_id == key.id))).all()
    assert {each.address: each.last_used_at for each in found} == {
        "a": now,
        "b": now - timedelta(hours=1),
    }


async def test_a_batch_waits_while_the_database_does_not_answer(
    app: FastAPI,
    client: AsyncClient,
    ada: Person,
    make_key: MakeKey,
    session: AsyncSession,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    key = await make_key(ada)
    await client.get(ME, headers=key.headers)

    def refuse() -> None:
        raise ConnectionRefusedError

    with monkeypatch.context() as patch:
        patch.setattr(app.state.database, "session", refuse)
        await uses.current.write(app.state.database)
    assert (await row(session, key.id)).last_used_at is None
    await uses.current.write(app.state.database)
    assert (await row(session, key.id)).last_used_at


async def test_a_batch_that_is_cancelled_is_written_by_the_next_call(
    app: FastAPI,
    client: AsyncClient,
    ada: Person,
    make_key: MakeKey,
    session: AsyncSession,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The process may stop while it writes."""
    key = await make_key(ada)
    await client.get(ME, headers=key.headers)
    opened = asyncio.Event()

    @asynccontextmanager
    async def never() -> AsyncIterator[None]:
        opened.set()
        await asyncio.Event().wait()
        yield

    with monkeypatch.context() as patch:
        patch.setattr(app.state.database, "session", never)
        writing = asyncio.create_task(uses.current.write(app.state.database))
        await opened.wait()
        writing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await writing
    await uses.current.write(app.state.database)
    assert (await row(session, key.id)).last_used_at


async def test_uses_of_deleted_keys_are_dropped(
    app: FastAPI, client: AsyncClient, ada: Person, make_key: MakeKey, session: AsyncSession
) -> None:
    key, kept = await make_key(ada), await make_key(ada)
    for each in (key, kept):
        await client.get(ME, headers=each.headers)
    await session.delete(await row(session, key.id))
    await session.commit()
    await uses.current.write(app.state.database)
    assert (await row(session, kept.id)).last_used_at


async def test_a_rotation_waits_for_a_batch_and_not_the_other_way_round(
    running_app: FastAPI, committed_owner: User
) -> None:
    """Both lock two keys. In another order each could wait for the other."""
    new_session = running_app.state.database.session
    async with new_session() as session:
        values = ApiKeyCreate(name="CI", scopes=["users:read"])
        first, _ = await service.create(session, committed_owner.id, values, address=HERE)
        second, _ = await service.rotate(session, None, first.id, address=HERE)
    now = utcnow()

    async def rotate() -> None:
        async with new_session() as session:
            await service.rotate(session, None, second.id, address=HERE)

    async with new_session() as writing, asyncio.timeout(30):
        await uses.store(writing, {(first.id, "a"): now})
        rotation = asyncio.create_task(rotate())
        waits = text(
            "SELECT count(*) FROM pg_locks"
            " WHERE NOT granted AND pg_backend_pid() = ANY (pg_blocking_pids(pid))"
        )
        while not await writing.scalar(waits):
            await asyncio.sleep(0.01)
        await uses.store(writing, {(second.id, "a"): now})
        await writing.commit()
        await rotation


def test_one_batch_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uses, "MOST", 3)
    noted = uses.Uses()
    for number in range(5):
        noted.note(uuid4(), f"203.0.113.{number}")
    assert len(noted._last) == 3


async def test_keys_that_ended_long_ago_are_deleted(
    ada: Person, make_key: MakeKey, session: AsyncSession
) -> None:
    old = utcnow() - timedelta(days=91)
    changes = {
        "valid": {},
        "recent": {"revoked_at": utcnow()},
        "expired": {"expires_at": old},
        "revoked": {"revoked_at": old},
    }
    for name, values in changes.items():
        key = await make_key(ada, name=name)
        if values:
            await session.exec(update(ApiKey).where(col(ApiKey.id) == key.id).values(**values))
        await uses.store(session, {(key.id, "a"): old, (key.id, "b"): utcnow()})

    def delete(sync: object) -> int:
        assert isinstance(sync, Session)
        return service.delete_old(sync)

    assert await session.run_sync(delete) == 2
    left = (await session.exec(select(ApiKey.name).where(ApiKey.owner_id == ada.id))).all()
    assert sorted(left) == ["recent", "valid"]
    addresses = (await session.exec(select(ApiKeyAddress.address))).all()
    assert set(addresses) == {"b"}
