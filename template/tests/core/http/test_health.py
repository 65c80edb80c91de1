"""Health checks: each check with its result and time, nothing internal."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from fastapi import FastAPI
from httpx import AsyncClient
from redis import asyncio as redis
from sqlalchemy import text

from app.core.database import Database, async_engine
from app.core.database.models import SCHEMA
from app.core.http import health
from app.core.settings import get_settings

READY = "/health/ready"
NOWHERE = "127.0.0.1:1"


async def checks(client: AsyncClient, status: int) -> dict[str, Any]:
    """Request the readiness and return its checks, without their times."""
    answer = await client.get(READY)
    assert answer.status_code == status
    assert answer.json()["status"] == ("ok" if status == 200 else "unavailable")
    assert answer.headers["cache-control"] == "no-store"
    parts: dict[str, Any] = answer.json()["checks"]
    assert list(parts) == ["database", "migrations", "redis"]
    assert all(part.pop("ms") > 0 for part in parts.values())
    return parts


@pytest.fixture
async def no_database(running_app: FastAPI) -> AsyncIterator[None]:
    url = f"postgresql://boss:hunter2@{NOWHERE}/app"
    real = running_app.state.database
    broken = Database(async_engine(get_settings().model_copy(update={"database_url": url})))
    running_app.state.database = broken
    yield
    running_app.state.database = real
    await broken.close()


@pytest.fixture
async def no_redis(running_app: FastAPI) -> AsyncIterator[None]:
    real = running_app.state.redis
    running_app.state.redis = redis.from_url(f"redis://:hunter2@{NOWHERE}")
    yield
    await running_app.state.redis.aclose()
    running_app.state.redis = real


GOOD = {"ok": True, "detail": None}
SILENT = {"ok": False, "detail": "does not answer"}


async def test_all_services_are_ready(committed: AsyncClient) -> None:
    assert await checks(committed, 200) == {"database": GOOD, "migrations": GOOD, "redis": GOOD}
    assert (await committed.get("/health/live")).json() == {"status": "ok"}


@pytest.mark.parametrize("path", ["/health/live", READY])
async def test_head_has_the_status_and_headers_of_get(committed: AsyncClient, path: str) -> None:
    get, head = await committed.get(path), await committed.head(path)
    assert (head.status_code, head.content) == (get.status_code, b"")
    assert head.headers.get("cache-control") == get.headers.get("cache-control")


async def test_head_tells_that_the_service_is_not_ready(
    committed: AsyncClient, no_redis: None
) -> None:
    assert (await committed.head(READY)).status_code == 503


async def test_the_database_is_down(committed: AsyncClient, no_database: None) -> None:
    assert await checks(committed, 503) == {
        "database": SILENT,
        "migrations": SILENT,
        "redis": GOOD,
    }
    assert (await committed.get("/health/live")).status_code == 200


async def test_redis_is_down(committed: AsyncClient, no_redis: None) -> None:
    assert await checks(committed, 503) == {"database": GOOD, "migrations": GOOD, "redis": SILENT}
    assert (await committed.get("/health/live")).status_code == 200


async def test_migrations_are_behind(committed: AsyncClient, running_app: FastAPI) -> None:
    async def rename(old: str, new: str) -> None:
        statement = text(f"UPDATE {SCHEMA}.alembic_log SET revision = :new WHERE revision = :old")
        async with running_app.state.database.session() as session:
            await session.exec(statement, params={"old": old, "new": new})
            await session.commit()

    await rename("users_0001", "other_0001")
    try:
        parts = await checks(committed, 503)
    finally:
        await rename("other_0001", "users_0001")
    assert parts["migrations"] == {"ok": False, "detail": "behind: users_0001"}
    assert parts["database"] == GOOD


async def test_a_check_that_hangs_times_out(
    committed: AsyncClient, running_app: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def hang() -> None:
        await asyncio.sleep(60)

    monkeypatch.setattr(health, "TIMEOUT", 0.2)
    monkeypatch.setattr(running_app.state.redis, "ping", hang)
    async with asyncio.timeout(3):
        assert (await checks(committed, 503))["redis"] == SILENT
