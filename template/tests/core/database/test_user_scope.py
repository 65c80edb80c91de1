"""Sessions that act as a user in each of their transactions, and affect no other session."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Engine, NullPool, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlmodel import Session
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.database import act_as, async_engine, sync_engine
from app.core.settings import get_settings

IDENTITY = text(
    "SELECT current_user AS role, auth.uid() AS id, auth.jwt() ->> 'org' AS org,"
    " current_setting('statement_timeout') AS timeout"
)
PLAIN = {"role": "postgres", "id": None, "org": None, "timeout": "0"}


def scoped(user_id: UUID, org: str | None = None) -> dict[str, Any]:
    return {"role": "authenticated", "id": user_id, "org": org, "timeout": "8s"}


@pytest.fixture
async def one_connection() -> AsyncIterator[AsyncEngine]:
    """An engine whose sessions use the same connection one after the other."""
    engine = async_engine(
        get_settings().model_copy(update={"db_pool_size": 1, "db_max_overflow": 0})
    )
    yield engine
    await engine.dispose()


@pytest.fixture
def engine_of_tasks() -> Iterator[Engine]:
    settings = get_settings()
    engine = sync_engine(settings.database_url, settings)
    yield engine
    engine.dispose()


async def identity(session: AsyncSession) -> dict[str, Any]:
    return dict((await (await session.connection()).execute(IDENTITY)).mappings().one())


async def test_every_transaction_acts_as_the_user_and_leaves_nothing(
    one_connection: AsyncEngine,
) -> None:
    user_id = uuid4()
    async with AsyncSession(one_connection) as session:
        act_as(session, {"sub": str(user_id), "org": "blue", "role": "service_role"})
        for end in (session.commit, session.rollback, session.commit):
            assert await identity(session) == scoped(user_id, "blue")
            await end()
        async with session.begin_nested() as savepoint:
            await savepoint.rollback()
        assert await identity(session) == scoped(user_id, "blue")
    async with AsyncSession(one_connection) as plain:
        assert await identity(plain) == PLAIN


def test_a_task_acts_as_a_user_by_id(engine_of_tasks: Engine) -> None:
    user_id = uuid4()
    with Session(engine_of_tasks) as session:
        act_as(session, user_id)
        for _ in range(2):
            assert dict(session.connection().execute(IDENTITY).mappings().one()) == scoped(user_id)
            session.commit()
    with Session(engine_of_tasks) as plain:
        assert dict(plain.connection().execute(IDENTITY).mappings().one()) == PLAIN


async def test_concurrent_sessions_do_not_mix(engine: AsyncEngine) -> None:
    async def work(number: int) -> None:
        user_id = uuid4() if number % 3 else None
        expected = scoped(user_id) if user_id else PLAIN
        async with AsyncSession(engine) as session:
            if user_id:
                act_as(session, user_id)
            for _ in range(2):
                assert await identity(session) == expected
                await session.commit()

    await asyncio.gather(*(work(number) for number in range(30)))


async def test_a_table_without_a_grant_is_refused(one_connection: AsyncEngine) -> None:
    async with AsyncSession(one_connection) as session:
        act_as(session, uuid4())
        with pytest.raises(DBAPIError) as refused:
            await (await session.connection()).execute(text("SELECT FROM app.users"))
    assert getattr(refused.value.orig, "sqlstate", None) == "42501"


async def test_autocommit_is_refused(one_connection: AsyncEngine) -> None:
    async with AsyncSession(
        one_connection.execution_options(isolation_level="AUTOCOMMIT")
    ) as session:
        act_as(session, uuid4())
        with pytest.raises(RuntimeError, match="AUTOCOMMIT"):
            await session.connection()
    settings = get_settings()
    engine = sync_engine(settings.database_url, settings, poolclass=NullPool)
    with Session(engine.execution_options(isolation_level="AUTOCOMMIT")) as task:
        act_as(task, uuid4())
        with pytest.raises(RuntimeError, match="AUTOCOMMIT"):
            task.connection()
