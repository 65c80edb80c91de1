"""A local model, created here because a real one would have to be downloaded."""

from pathlib import Path
from typing import Any

import pytest

from app.core.settings import SettingsError, load_settings
from app.extensions.documents.embedding import Embedder, WrongModelError, create_embedder
from app.extensions.documents.settings import DocumentSettings, Provider

VECTORS = {"[UNK]": (0.0, 0.0), "[PAD]": (0.0, 0.0), "tea": (3.0, 4.0), "rocket": (-1.0, 0.0)}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A model that knows two words."""
    reason = "Model2Vec is not installed: uv add model2vec"
    model2vec: Any = pytest.importorskip("model2vec", reason=reason)
    tokenizers: Any = pytest.importorskip("tokenizers", reason=reason)
    numpy: Any = pytest.importorskip("numpy", reason=reason)
    vocabulary = {word: number for number, word in enumerate(VECTORS)}
    level = tokenizers.models.WordLevel(vocabulary, unk_token="[UNK]")
    tokenizer = tokenizers.Tokenizer(level)
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    vectors = numpy.array(list(VECTORS.values()), dtype="float32")
    model2vec.StaticModel(vectors, tokenizer).save_pretrained(tmp_path / "model")
    return tmp_path / "model"


def local(folder: Path, dimensions: int = 2) -> Embedder:
    settings: DocumentSettings = load_settings(DocumentSettings)
    return create_embedder(
        settings.model_copy(
            update={
                "embedding_provider": Provider.LOCAL,
                "embedding_model": str(folder),
                "embedding_dimensions": dimensions,
            }
        )
    )


async def test_vectors_have_length_1_or_are_zero_without_a_known_word(folder: Path) -> None:
    found = await local(folder).embed(["tea", "rocket", "whatever"])
    assert found == [pytest.approx([0.6, 0.8]), pytest.approx([-1, 0]), [0, 0]]


async def test_the_dimensions_must_equal_those_of_the_settings(folder: Path) -> None:
    with pytest.raises(WrongModelError, match="DOCUMENTS_EMBEDDING_DIMENSIONS"):
        await local(folder, dimensions=8).embed(["tea"])


def test_a_missing_folder_is_an_error_of_the_settings(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="DOCUMENTS_EMBEDDING_MODEL"):
        local(tmp_path / "nothing")
