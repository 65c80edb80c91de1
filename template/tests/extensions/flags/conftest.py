"""Two flags, declared by a feature that exists in these tests only."""

from collections.abc import Callable, Iterator
from datetime import date
from types import SimpleNamespace

import pytest

from app.core.settings import load_settings
from app.extensions.flags.schemas import Flag
from app.extensions.flags.service import declarations, evaluation
from app.extensions.flags.snapshot import SNAPSHOTS

OFF = Flag("shop.express", "Express delivery.", owner="checkout", expires=date(2999, 1, 1))
ON = Flag("shop.old", "The old list.", owner="shop", expires=date(2020, 1, 1), default=True)

Declare = Callable[..., None]


@pytest.fixture
def declare(monkeypatch: pytest.MonkeyPatch) -> Iterator[Declare]:
    """Declare other flags."""

    def declare(*flags: Flag, feature: str = "shop") -> None:
        module = SimpleNamespace(FLAGS=flags)
        loaded = ((SimpleNamespace(name=feature), module),)
        monkeypatch.setattr(declarations, "load", lambda _: loaded)
        declarations.declared.cache_clear()

    yield declare
    declarations.declared.cache_clear()


@pytest.fixture(autouse=True)
def _flags(declare: Declare, fresh_settings: None) -> Iterator[None]:
    declare(OFF, ON)
    forget()
    yield
    forget()


def forget() -> None:
    """Begin as a new process does."""
    load_settings.cache_clear()
    evaluation.client.cache_clear()
    SNAPSHOTS.__init__()  # type: ignore[misc]
