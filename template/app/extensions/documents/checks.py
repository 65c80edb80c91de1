"""The checks that `app doctor` runs for this feature."""

import asyncio
from collections.abc import Callable

from app.core.cli.errors import CliError, DoubtfulError
from app.core.cli.storage import check_bucket
from app.core.database import process_engine
from app.core.settings import load_settings
from app.extensions.documents.embedding import EmbeddingError, WrongModelError, create_embedder
from app.extensions.documents.indexes import is_indexed
from app.extensions.documents.reembed import count_missing
from app.extensions.documents.settings import DocumentSettings


def embeddings() -> str:
    """Check whether the model of the settings answers and has vectors of all chunks.

    Raises:
        CliError: the model does not answer, or its vectors have another length.
        DoubtfulError: vectors or the index are missing.
    """
    embedder = create_embedder(load_settings(DocumentSettings))
    try:
        asyncio.run(embedder.embed(["ready"]))
    except (EmbeddingError, WrongModelError) as error:
        raise CliError(str(error)) from error
    with process_engine().connect() as connection:
        missing, chunks = count_missing(connection, embedder.model)
        indexed = is_indexed(connection, embedder.model)
    if missing:
        raise DoubtfulError(
            f"{missing} of {chunks} chunks have no vector of {embedder.model}, so vector searches "
            "do not find them. Run `uv run app documents reembed`."
        )
    if chunks and not indexed:
        raise DoubtfulError(
            f"{embedder.model} has no index, so searches are slow. Run `uv run app documents "
            "reembed`, which builds it."
        )
    return f"{embedder.model}, {chunks} chunks"


# Core only warns about a missing bucket.
CHECKS: dict[str, Callable[[], str]] = {"embeddings": embeddings, "storage": check_bucket}
