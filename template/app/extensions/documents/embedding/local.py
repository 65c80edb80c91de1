"""Vectors from a model on this machine: static embeddings of Model2Vec, which need no GPU.

`uv add model2vec` installs the package; the folder of a model is downloaded separately.
"""

import importlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from app.core.settings import SettingsError
from app.extensions.documents.embedding.base import Vector, model_name, normalize
from app.extensions.documents.settings import DocumentSettings

BATCH = 256


class LocalEmbedder:
    """A model in a folder."""

    batch = BATCH

    def __init__(self, settings: DocumentSettings) -> None:
        self.dimensions = settings.embedding_dimensions
        self.model = model_name(settings)
        if not Path(settings.embedding_model).is_dir():
            raise SettingsError(
                f"DOCUMENTS_EMBEDDING_MODEL is not a folder: {settings.embedding_model}. Download "
                "a model of Model2Vec and set its path."
            )
        try:
            # The project adds the package only if it uses this provider.
            model2vec: Any = importlib.import_module("model2vec")
        except ImportError as error:
            raise SettingsError(
                "DOCUMENTS_EMBEDDING_PROVIDER=local requires Model2Vec: uv add model2vec."
            ) from error
        self._model = model2vec.StaticModel.from_pretrained(settings.embedding_model)

    async def embed(self, texts: Sequence[str]) -> list[Vector]:
        """See `Embedder`."""
        vectors = self._model.encode(list(texts)).tolist()
        return normalize(vectors, len(texts), self.dimensions)
