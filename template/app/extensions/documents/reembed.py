"""A new model for old chunks: vectors beside those that are there, then an index, then the change.

All of it may be broken off and started again; what is there is not made twice.
"""

from collections.abc import Callable
from uuid import UUID

from sqlalchemy import Connection, Engine, Exists, delete, func, select
from sqlalchemy.dialects.postgresql import insert as upsert

from app.extensions.documents.embedding import Embedder
from app.extensions.documents.models import chunks, embeddings

NOTHING = UUID(int=0)


def models(connection: Connection) -> dict[str, int]:
    """Every model that has vectors, and how many."""
    statement = select(embeddings.c.model, func.count().label("vectors")).group_by(
        embeddings.c.model
    )
    return {row.model: row.vectors for row in connection.execute(statement)}


def count_missing(connection: Connection, model: str) -> tuple[int, int]:
    """How many chunks have no vector of a model, and how many there are."""
    both = select(func.count(), func.count().filter(~_has(model))).select_from(chunks)
    every, missing = connection.execute(both).one()
    return missing, every


async def fill(engine: Engine, embedder: Embedder, report: Callable[[int], None]) -> int:
    """Make the vectors that are missing, batch by batch, each committed; return their number.

    Args:
        engine: of the database.
        embedder: of the new model.
        report: called with the number of each batch.

    Raises:
        EmbeddingError: the provider does not answer.
        WrongModelError: its vectors have another length than the settings say.
    """
    done, last = 0, NOTHING
    columns = (chunks.c.id, chunks.c.document_id, chunks.c.owner_id, chunks.c.content)
    while True:
        batch = (
            select(*columns)
            .where(chunks.c.id > last, ~_has(embedder.model))
            .order_by(chunks.c.id)
            .limit(embedder.batch)
        )
        # No transaction is open while the provider is asked.
        with engine.connect() as connection:
            rows = connection.execute(batch).all()
        if not rows:
            return done
        vectors = await embedder.embed([row.content for row in rows])
        with engine.begin() as connection:
            # Some may have been deleted meanwhile; the others must stay until this is written.
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


def forget(engine: Engine, model: str) -> int:
    """Delete all vectors of a model and return how many there were."""
    with engine.begin() as connection:
        return connection.execute(delete(embeddings).where(embeddings.c.model == model)).rowcount


def _has(model: str) -> Exists:
    return (
        select(embeddings.c.chunk_id)
        .where(embeddings.c.chunk_id == chunks.c.id, embeddings.c.model == model)
        .exists()
    )
