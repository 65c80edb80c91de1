"""Embedders: they turn texts into vectors. The settings name the provider."""

from collections.abc import Callable
from functools import cache

from app.core.settings import load_settings
from app.extensions.documents.embedding.base import (
    Embedder,
    EmbeddingError,
    Vector,
    WrongModelError,
)
from app.extensions.documents.embedding.local import LocalEmbedder
from app.extensions.documents.embedding.offline import OfflineEmbedder
from app.extensions.documents.embedding.openai import OpenAIEmbedder
from app.extensions.documents.settings import DocumentSettings, Provider

__all__ = [
    "WRAPPERS",
    "Embedder",
    "EmbeddingError",
    "Vector",
    "WrongModelError",
    "create_embedder",
    "process_embedder",
]

_CLASSES: dict[Provider, type[LocalEmbedder | OfflineEmbedder | OpenAIEmbedder]] = {
    Provider.LOCAL: LocalEmbedder,
    Provider.OFFLINE: OfflineEmbedder,
    Provider.OPENAI: OpenAIEmbedder,
}

# What other features put around the embedder of a process, in this order.
WRAPPERS: list[Callable[[Embedder], Embedder]] = []


def create_embedder(settings: DocumentSettings) -> Embedder:
    """Create the embedder that the settings name.

    Raises:
        SettingsError: the model or its package is missing; the message says what to do.
    """
    return _CLASSES[settings.provider](settings)


@cache
def process_embedder() -> Embedder:
    """Return the embedder of this process, which keeps its connections or its model.

    Raises:
        SettingsError: see `create_embedder`.
    """
    embedder = create_embedder(load_settings(DocumentSettings))
    for wrap in WRAPPERS:
        embedder = wrap(embedder)
    return embedder
