"""The feature `shop` of these tests, among the features of the team."""

from pathlib import Path
from typing import Any

import app.features
from app.core.features import load
from app.extensions.email.catalog import catalog
from app.extensions.email.schemas import Mail

FOLDER = str(Path(__file__).parent / "features")


def add() -> None:
    """Let the loader find it."""
    app.features.__path__.append(FOLDER)
    _forget()


def remove() -> None:
    """Hide it from other tests."""
    app.features.__path__.remove(FOLDER)
    _forget()


def _forget() -> None:
    load.cache_clear()
    catalog.cache_clear()


def shipped(to: Any = "ada@example.com", **fields: Any) -> Mail:
    """A mail about an order."""
    fields = {"name": "Ada", "link": "https://shop.example.com/1"} | fields
    return catalog()["shop.order_shipped"].model_validate({"to": to} | fields)


def news(to: str = "ada@example.com") -> Mail:
    """A mail that one can switch off."""
    return catalog()["shop.news"].model_validate({"to": to, "headline": "Hello"})


def report(to: str = "ada@example.com") -> Mail:
    """A mail that one must switch on."""
    return catalog()["shop.report"].model_validate({"to": to, "headline": "Numbers"})
