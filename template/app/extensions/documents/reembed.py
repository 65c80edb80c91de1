"""Re-embedding: creates the vectors of a new model beside those of the old model.

It can be interrupted and started again; vectors that exist are not created again.
"""

from collections.abc import Callable
from uuid import UUID

from sqlalchemy import Connection, Engine, Exists, delete, func, select
from sqlalchemy.dialects.postgresql import insert as upsert

from app.extensions.documents.embedding import Embedder
from app.extensions.documents.models import chunks, embeddings

FIRST = UUID(int=0)


def count_vectors(connection: Connection) -> dict[str, int]:
    """Return the number of vectors of each model."""
    statement = select(embeddings.c.model, func.count().label("vectors")).group_by(
        embeddings.c.model
    )
    return {row.model: row.vectors for row in connection.execute(statement)}


def count_missing(connection: Connection, model: str) -> tuple[int, int]:
    """Return the number of chunks without a vector of a model, and the number of all chunks."""
    counts = select(func.count(), func.count().filter(~_has_vector(model))).select_from(chunks)
    total, missing = connection.execute(counts).one()
    return missing, total


async def embed_missing(engine: Engine, embedder: Embedder, report: Callable[[int], None]) -> int:
    """Create the missing vectors and return their number. Commits each batch.

    Args:
        engine: the engine of the database.
        embedder: the embedder of the new model.
        report: called with the number of chunks after each batch.

    Raises:
        EmbeddingError: the provider does not answer.
        WrongModelError: the vectors have other dimensions than the settings say.
    """
    done, last = 0, FIRST
    columns = (chunks.c.id, chunks.c.document_id, chunks.c.owner_id, chunks.c.content)
    while True:
        batch = (
            select(*columns)
            .where(chunks.c.id > last, ~_has_vector(embedder.model))
            .order_by(chunks.c.id)
            .limit(embedder.batch)
        )
        # No transaction is open while the provider is called.
        with engine.connect() as connection:
            rows = connection.execute(batch).all()
        if not rows:
            return done
        vectors = await embedder.embed([row.content for row in rows])
        with engine.begin() as connection:
            # Some chunks may have been deleted in the meantime; the lock keeps the others.
            kept = set(
                connection.scalars(
                    select(chunks.c.id)
                    .where(chunks.c.id.in_([row.id for row in rows]))
                    .with_for_update(read=True, key_share=True)
                )
            )
            values = [
                {
                    "chunk_id": row.id,
                    "document_id": row.document_id,
                    "owner_id": row.owner_id,
                    "model": embedder.model,
                    "embedding": vector,
                }
                for row, vector in zip(rows, vectors, strict=True)
                if row.id in kept
            ]
            if values:
                connection.execute(upsert(embeddings).on_conflict_do_nothing(), values)
        done, last = done + len(values), rows[-1].id
        report(len(rows))


def delete_vectors(engine: Engine, model: str) -> None:
    """Delete all vectors of a model. Commits."""
    with engine.begin() as connection:
        connection.execute(delete(embeddings).where(embeddings.c.model == model))


def _has_vector(model: str) -> Exists:
    return (
        select(embeddings.c.chunk_id)
        .where(embeddings.c.chunk_id == chunks.c.id, embeddings.c.model == model)
        .exists()
    )
