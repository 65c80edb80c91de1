"""Two processes of the API over sockets, and the command line as a third one."""

from collections.abc import AsyncIterator
from contextlib import AbstractContextManager
from time import monotonic
from typing import NamedTuple
from uuid import UUID, uuid4

import pytest
from httpx import AsyncClient, TransportError
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.database import Database, async_engine
from app.core.settings import get_settings
from app.extensions.api_keys import service
from app.extensions.api_keys.models import ApiKey
from app.extensions.api_keys.schemas import ApiKeyCreate
from app.extensions.users.models import Status, User
from devstack.ports import free_port
from tests.extensions.api_keys.conftest import HERE, ME, Machine, bearer
from tests.support.canaries import told
from tests.support.processes import Process, eventually, running

CACHE_SECONDS = 1.5


def serving(
    port: int, last_used_seconds: int, database_url: str
) -> AbstractContextManager[Process]:
    """Run the API."""
    return running(
        *("uvicorn", "app.main:app", f"--port={port}", "--log-level=debug"),
        DATABASE_URL=database_url,
        API_KEYS_CACHE_SECONDS=str(CACHE_SECONDS),
        USER_CACHE_SECONDS="300",  # it would limit the life of a cached key as well
        API_KEYS_LAST_USED_SECONDS=str(last_used_seconds),
        LOG_LEVEL="debug",
        LOG_FORMAT="json",
    )


class Serving(NamedTuple):
    """A process of the API."""

    process: Process
    client: AsyncClient


@pytest.fixture
async def session(database_url: str) -> AsyncIterator[AsyncSession]:
    """A session whose commits are real."""
    database = Database(
        async_engine(get_settings().model_copy(update={"database_url": database_url}))
    )
    async with database.session() as session:
        yield session
    await database.close()


async def new_machine(session: AsyncSession) -> Machine:
    owner = User(id=uuid4(), email=f"{uuid4().hex}@example.com", status=Status.APPROVED)
    session.add(owner)
    await session.commit()
    values = ApiKeyCreate(name="CI", scopes=["users:read"])
    key, text = await service.create(session, owner.id, values, address=HERE)
    return Machine(key.id, text, bearer(text))


async def last_use(session: AsyncSession, key_id: UUID) -> str | None:
    """The address of the last use of a key, as stored now."""
    await session.rollback()
    key = await session.get(ApiKey, key_id, populate_existing=True)
    assert key
    assert (key.last_used_at is None) is (key.last_used_from is None)
    return key.last_used_from


async def test_two_processes(database_url: str, session: AsyncSession) -> None:
    kept, ended = await new_machine(session), await new_machine(session)
    ports = [free_port(), free_port()]
    one, two = serving(ports[0], 1, database_url), serving(ports[1], 3600, database_url)
    with one as a, two as b:
        clients = [AsyncClient(base_url=f"http://127.0.0.1:{port}") for port in ports]
        first, second = Serving(a, clients[0]), Serving(b, clients[1])

        async def both_answer() -> bool:
            try:
                return all([(await client.get("/health/live")).is_success for client in clients])
            except TransportError:
                return False

        await eventually(both_answer, a, b, seconds=60)

        # A use is written while a process runs …
        assert (await first.client.get(ME, headers=kept.headers)).status_code == 200

        async def is_written() -> bool:
            return await last_use(session, kept.id) == "127.0.0.1"

        await eventually(is_written, a, b)
        key = await session.get(ApiKey, kept.id)
        assert key
        key.last_used_at = key.last_used_from = None
        await session.commit()
        # … and when it stops: see the end.
        assert (await second.client.get(ME, headers=kept.headers)).status_code == 200

        # Both processes have this key in their cache when the command line revokes it.
        for each in (first, second):
            assert (await each.client.get(ME, headers=ended.headers)).status_code == 200
        with running("app", "api-keys", "revoke", str(ended.id), DATABASE_URL=database_url) as cli:

            async def is_revoked() -> bool:
                return "Revoked: " in cli.said()

            await eventually(is_revoked)
        revoked = monotonic()
        for each in (first, second):

            async def is_refused(client: AsyncClient = each.client) -> bool:
                answer = await client.get(ME, headers=ended.headers)
                return answer.status_code == 401 and answer.json()["code"] == "api_key_revoked"

            await eventually(is_refused, each.process)
        assert monotonic() - revoked < CACHE_SECONDS + 2

        # No line has a key, also if it was sent in the wrong place.
        for each in (first, second):
            answer = await each.client.get(ME, params={"access_token": kept.text})
            assert answer.status_code == 401
            lines = each.process.said()
            assert f"api_key:{kept.id}" in lines
            for machine in (kept, ended):
                assert told(lines, machine.text.split("_")[2]) == []
        for client in clients:
            await client.aclose()
    assert await last_use(session, kept.id) == "127.0.0.1"
