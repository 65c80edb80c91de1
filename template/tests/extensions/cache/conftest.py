"""The cache, which is off in all other tests."""

from collections.abc import AsyncIterator, Iterator

import pytest
from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient

from app.core.http.error_handlers import add_error_handlers
from app.core.http.middleware import RequestContext
from app.core.redis import redis_key, store
from app.core.settings import get_settings, load_settings
from tests.extensions.cache import probe


@pytest.fixture(autouse=True)
def cache_on(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Switch the cache on, and empty it."""
    monkeypatch.setenv("CACHE_ENABLED", "true")
    load_settings.cache_clear()
    keys = [*store().scan_iter(redis_key("cache:*"))]
    if keys:
        store().delete(*keys)
    probe.runs.clear()
    yield
    monkeypatch.undo()
    load_settings.cache_clear()


@pytest.fixture
async def api(app: FastAPI) -> FastAPI:
    """An API with the routes of the probe and the state of the project's API."""
    api = FastAPI()
    api.state = app.state
    add_error_handlers(api)
    api.add_middleware(RequestContext, settings=get_settings())
    api.include_router(probe.router, prefix="/probe")
    return api


@pytest.fixture
async def probe_client(api: FastAPI) -> AsyncIterator[AsyncClient]:
    """A client of that API."""
    transport = ASGITransport(api)
    async with AsyncClient(transport=transport, base_url="http://testserver/probe") as client:
        yield client
