"""The resources of the API are closed, also when one of them fails."""

from typing import Any

import httpx
import pytest

from app import main
from app.core.database import Database
from app.core.supabase.clients import Supabase
from app.core.tasks.relay import Relay
from tests.core.conftest import Build


class BrokenError(Exception):
    """What a resource raises in these tests."""


@pytest.fixture
def closed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the resources that were closed, in this order."""
    names: list[str] = []

    def watch(owner: Any, method: str) -> None:
        real = getattr(owner, method)

        async def watched(self: Any, *arguments: Any) -> Any:
            names.append(owner.__name__)
            return await real(self, *arguments)

        monkeypatch.setattr(owner, method, watched)

    watch(Database, "close")
    watch(httpx.AsyncClient, "__aexit__")
    watch(Relay, "__aexit__")
    return names


async def test_all_are_closed_when_a_later_one_cannot_be_opened(
    build: Build, closed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    app = build()

    def broken(_: Any) -> Any:
        raise BrokenError

    monkeypatch.setattr(main, "load", lambda _: [(None, broken)])
    with pytest.raises(BrokenError):
        async with app.router.lifespan_context(app):
            pass
    assert closed == ["Relay", "AsyncClient", "Database"]


async def test_the_others_are_closed_when_one_cannot_be(
    build: Build, closed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    app = build()

    async def fail(_: Supabase) -> None:
        raise BrokenError

    monkeypatch.setattr(Supabase, "aclose", fail)
    # Without the resources of features: SQLAdmin's views belong to the last application.
    monkeypatch.setattr(main, "load", lambda _: [])
    with pytest.raises(BrokenError):
        async with app.router.lifespan_context(app):
            assert closed == []
    assert closed == ["Relay", "AsyncClient", "Database"]
