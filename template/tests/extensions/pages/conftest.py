"""The API with `teas`, a feature with pages that exists in these tests only."""

import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient

from app.core.features import load, load_all_settings
from app.core.settings import load_settings
from app.extensions.pages import rendering

HERE = Path(__file__).parent
BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}

Build = Callable[..., FastAPI]
ClientOf = Callable[[FastAPI], AsyncClient]


@pytest.fixture
def client_of() -> ClientOf:
    """A client that asks for pages, of an API without a database."""

    def client_of(app: FastAPI) -> AsyncClient:
        transport = ASGITransport(app, raise_app_exceptions=False)
        return AsyncClient(transport=transport, base_url="http://testserver", headers=BROWSER)

    return client_of


@pytest.fixture
def teas(tmp_path: Path) -> Path:
    """The folder of the feature."""
    return Path(shutil.copytree(HERE / "teas", tmp_path / "features" / "teas"))


@pytest.fixture
def build(teas: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Build]:
    """Build the API with the feature, and with other settings: `build(NAME="value")`."""
    # Not above: this file is read before the settings are there.
    from app import features
    from app.core.tasks.application import configure_celery
    from app.main import create_app

    def forget() -> None:
        for cached in (load_settings, load, rendering.environment):
            cached.cache_clear()

    monkeypatch.setattr(features, "__path__", [*features.__path__, str(teas.parent)])

    def build(**environment: str) -> FastAPI:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        forget()
        return create_app()

    yield build
    monkeypatch.undo()
    for name in [name for name in sys.modules if name.startswith("app.features.teas")]:
        del sys.modules[name]
    forget()
    configure_celery(load_all_settings())
