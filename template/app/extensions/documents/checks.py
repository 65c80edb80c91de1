"""What `app doctor` asks of this feature."""

from collections.abc import Callable

from app.core.cli.errors import CliError, DoubtfulError


def embeddings() -> str:
    """Say whether every chunk can be found by the model of the settings.

    Raises:
        CliError: its vectors have another length than the settings say, or it does not answer.
        DoubtfulError: chunks or an index are missing.
    """
    import asyncio

    from app.core.database import process_engine
    from app.core.settings import load_settings
    from app.extensions.documents.embedding import EmbeddingError, WrongModelError, embedder
    from app.extensions.documents.indexes import is_indexed
    from app.extensions.documents.reembed import count_missing
    from app.extensions.documents.settings import DocumentSettings

    provider = embedder(load_settings(DocumentSettings))
    try:
        asyncio.run(provider.embed(["ready"]))
    except (EmbeddingError, WrongModelError) as error:
        raise CliError(str(error)) from error
    with process_engine().connect() as connection:
        missing, chunks = count_missing(connection, provider.model)
        indexed = is_indexed(connection, provider.model)
    if missing:
        raise DoubtfulError(
            f"{missing} of {chunks} chunks have no vector of {provider.model}, and searches by "
            "meaning miss them: run `uv run app documents reembed`"
        )
    if chunks and not indexed:
        raise DoubtfulError(
            f"{provider.model} has no index, and searches are slow: run `uv run app documents "
            "reembed`, which builds it"
        )
    return f"{provider.model}, {chunks} chunks"


CHECKS: dict[str, Callable[[], str]] = {"embeddings": embeddings}
