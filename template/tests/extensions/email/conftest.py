"""A real mail server, and a feature with mails."""

from collections.abc import Callable, Iterator

import pytest

from app.core.settings import load_settings
from devstack.inbox import InboxServer
from tests.extensions.email import shop

Configure = Callable[..., None]


@pytest.fixture(scope="session")
def _server() -> Iterator[InboxServer]:
    with InboxServer() as server:
        yield server


@pytest.fixture
def server(_server: InboxServer) -> InboxServer:
    """The mail server, empty and friendly."""
    _server.handler.reset()
    return _server


@pytest.fixture
def configure(monkeypatch: pytest.MonkeyPatch, fresh_settings: None) -> Configure:
    """Set EMAIL_… settings for the test."""

    def configure(**values: str) -> None:
        for name, value in values.items():
            monkeypatch.setenv(f"EMAIL_{name.upper()}", value)
        load_settings.cache_clear()

    return configure


@pytest.fixture(autouse=True)
def transport(server: InboxServer, configure: Configure) -> None:
    """Mails go to the server."""
    configure(
        url=f"smtp+plain://127.0.0.1:{server.smtp_port}", **{"from": "Shop <shop@example.org>"}
    )


@pytest.fixture(autouse=True)
def _shop() -> Iterator[None]:
    shop.add()
    yield
    shop.remove()
