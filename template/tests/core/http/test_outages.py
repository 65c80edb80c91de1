"""A real server keeps running while its services stop and start again."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import psycopg
import pytest

from app.core.migrations.commands import upgrade
from devstack.ports import free_port
from devstack.supabase import LocalSupabase
from tests.support.processes import Process, eventually, running
from tests.support.services import Services

ME = "/api/v1/users/me"


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    """The services, migrated; the database has been stopped."""
    stage = Services(tmp_path_factory.mktemp("services"))
    upgrade(stage.postgres.url)
    stage.postgres.stop()
    yield stage
    stage.postgres.stop()
    stage.valkey.stop()


@pytest.fixture(scope="module")
def server(stage: Services) -> Iterator[tuple[Process, str]]:
    """The API, started while the database is down, and its URL."""
    port = free_port()
    with running(
        *("uvicorn", "tests.core.probe_api:app", f"--port={port}"),
        DATABASE_URL=stage.postgres.url,
        REDIS_URL=stage.valkey.url,
    ) as process:
        yield process, f"http://127.0.0.1:{port}"


@pytest.fixture
async def api(
    server: tuple[Process, str], supabase: LocalSupabase
) -> AsyncIterator[httpx.AsyncClient]:
    """A signed-in client of the server."""
    process, url = server
    headers = {"Authorization": f"Bearer {supabase.issue_token('outage@example.com')}"}
    async with httpx.AsyncClient(base_url=url, headers=headers, timeout=15) as client:

        async def listens() -> bool:
            try:
                return (await client.get("/health/live")).is_success
            except httpx.TransportError:
                return False

        await eventually(listens, process)
        yield client


async def status(api: httpx.AsyncClient, path: str, method: str = "GET") -> tuple[int, str | None]:
    """Status of a response, and its code if it is a problem."""
    answer = await api.request(method, path)
    body: Any = answer.json()
    return answer.status_code, body.get("code") if isinstance(body, dict) else None


async def down(api: httpx.AsyncClient) -> set[str]:
    """Names of the checks that fail."""
    checks = (await api.get("/health/ready")).json()["checks"]
    return {name for name, part in checks.items() if not part["ok"]}


async def test_the_database_starts_after_the_server(
    stage: Services, api: httpx.AsyncClient
) -> None:
    # This test must be the first: the database has not been started yet.
    assert stage.postgres.process is None
    assert await status(api, "/health/live") == (200, None)
    assert await status(api, "/health/ready") == (503, None)
    assert await down(api) == {"database", "migrations"}
    assert await status(api, ME) == (503, "database_unavailable")
    stage.start()
    assert await status(api, ME) == (200, None)
    assert await status(api, "/health/ready") == (200, None)


async def test_the_database_is_killed_in_a_request(stage: Services, api: httpx.AsyncClient) -> None:
    stage.start()
    assert await status(api, ME) == (200, None)
    slow = asyncio.create_task(status(api, "/probe/slow"))
    with psycopg.connect(stage.postgres.url, autocommit=True) as connection:

        async def works() -> bool:
            query = "SELECT 1 FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%'"
            return connection.execute(query).fetchone() is not None

        await eventually(works)

    stage.postgres.stop(timeout=0)

    assert await slow == (503, "database_unavailable")
    assert await status(api, ME) == (503, "database_unavailable")
    assert await status(api, "/health/live") == (200, None)
    stage.start_postgres()
    assert set(await asyncio.gather(*(status(api, ME) for _ in range(10)))) == {(200, None)}


async def test_no_request_fails_after_a_restart_of_the_database(
    stage: Services, api: httpx.AsyncClient
) -> None:
    stage.start()
    # Fill the pool with connections.
    await asyncio.gather(*(status(api, ME) for _ in range(10)))
    stage.postgres.stop()
    stage.start_postgres()
    assert set(await asyncio.gather(*(status(api, ME) for _ in range(10)))) == {(200, None)}


async def test_without_redis_the_rest_still_works(stage: Services, api: httpx.AsyncClient) -> None:
    stage.start()
    assert await status(api, "/probe/send", "POST") == (200, None)
    stage.valkey.stop(timeout=0)
    assert await status(api, "/probe/send", "POST") == (503, "queue_unavailable")
    # The task is stored in the database, and the sweep sends it later.
    assert await status(api, "/probe/task", "POST") == (200, None)
    assert await status(api, ME) == (200, None)
    assert await down(api) == {"redis"}
    stage.start_valkey()
    assert await status(api, "/probe/send", "POST") == (200, None)
    assert await status(api, "/health/ready") == (200, None)
