"""Variants of the API."""

from collections.abc import AsyncIterator, Callable, Iterator

import pytest
from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient

from app.core import failures
from app.core.failures import Failure

Build = Callable[..., FastAPI]
ClientOf = Callable[[FastAPI], AsyncClient]


@pytest.fixture(scope="session")
async def http() -> AsyncIterator[AsyncClient]:
    """A client of anything; making one takes a while, for the certificates it reads."""
    async with AsyncClient() as client:
        yield client


@pytest.fixture
def failures_told(monkeypatch: pytest.MonkeyPatch) -> list[Failure]:
    """The failures that features are told about."""
    told: list[Failure] = []
    monkeypatch.setattr(failures, "load", {"failures": [(None, told.append)]}.get)
    return told


@pytest.fixture
def build(monkeypatch: pytest.MonkeyPatch) -> Iterator[Build]:
    """Make an API with other settings: `build(CORS_ORIGINS="*")`. Its lifespan does not run."""
    # Not above: this file is read before the settings are there.
    from app.core.features import load
    from app.core.settings import get_settings, load_settings
    from app.core.tasks.application import configure_celery
    from app.main import create_app

    def forget() -> None:
        load_settings.cache_clear()
        load.cache_clear()

    def build(**environment: str) -> FastAPI:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        forget()
        return create_app()

    yield build
    monkeypatch.undo()
    forget()
    configure_celery(get_settings())


@pytest.fixture
def client_of() -> ClientOf:
    """A client of an API without a database."""

    def client_of(app: FastAPI) -> AsyncClient:
        transport = ASGITransport(app, raise_app_exceptions=False)
        return AsyncClient(transport=transport, base_url="http://testserver")

    return client_of
