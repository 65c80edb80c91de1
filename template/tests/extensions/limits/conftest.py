"""An API with limits. In all other tests they are off."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient
from sqlalchemy.ext.asyncio import AsyncConnection

from app.core.features import load
from app.core.redis import OptionalRedis, redis_key, store
from app.core.settings import get_settings, load_settings
from app.core.tasks.application import configure_celery
from tests.extensions.limits.probe import add_probe
from tests.support.transaction import TransactionDatabase

DEFAULT = "5/minute"
TIERS = "anonymous=1,free=1,user=1,admin=2"


@pytest.fixture(autouse=True)
def no_counts() -> None:
    """Delete all counts before each test."""
    keys = [*store().scan_iter(f"{redis_key('limits')}*")]
    if keys:
        store().delete(*keys)


@asynccontextmanager
async def limited_api(**environment: str) -> AsyncIterator[FastAPI]:
    """Run an API with limits and with these variables."""
    from app.main import create_app  # reads the settings, which are complete only now

    def forget() -> None:
        load_settings.cache_clear()
        load.cache_clear()

    with pytest.MonkeyPatch.context() as patch:
        for name, value in {"LIMITS_ENABLED": "true", **environment}.items():
            patch.setenv(name, value)
        forget()
        app = add_probe(create_app())
        lifespan = app.router.lifespan_context(app)
        await lifespan.__aenter__()
    # The other tests of this process have their settings again.
    forget()
    configure_celery(get_settings())
    try:
        yield app
    finally:
        await lifespan.__aexit__(None, None, None)


@pytest.fixture(scope="session")
async def limited_app() -> AsyncIterator[FastAPI]:
    """An API with a default of 5 requests in a minute, for every tier but that of admins."""
    async with limited_api(
        LIMITS_DEFAULT=DEFAULT, LIMITS_TIERS=TIERS, LIMITS_TIER_CACHE_SECONDS="0"
    ) as app:
        app.state.limiter.redis = OptionalRedis()  # other tests keep theirs
        app.state.limiter.redis.PATIENCE = 10  # a busy machine is not an outage
        yield app


@pytest.fixture
async def api(limited_app: FastAPI, connection: AsyncConnection) -> AsyncIterator[FastAPI]:
    """That API in the test's transaction."""
    real = limited_app.state.database
    limited_app.state.database = TransactionDatabase(real.engine, connection)
    yield limited_app
    limited_app.state.database = real


@pytest.fixture
async def limited(api: FastAPI) -> AsyncIterator[AsyncClient]:
    """A client of that API."""
    async with client_of(api) as client:
        yield client


def client_of(app: FastAPI, address: str = "203.0.113.7") -> AsyncClient:
    """A client with an IP address."""
    transport = ASGITransport(app, raise_app_exceptions=False, client=(address, 1))
    return AsyncClient(transport=transport, base_url="http://testserver")


async def statuses(client: AsyncClient, path: str, count: int, **options: object) -> list[int]:
    """Return the status of some requests, one after the other."""
    return [(await client.get(path, **options)).status_code for _ in range(count)]  # type: ignore[arg-type]
