"""Documents in the rendered project: quality, ingestion, searches, and the recall of HNSW.

`python project_documents.py CHUNKS` prints tables. Runs with the Python of the rendered project.
"""

# ruff: noqa: S311, S608, SLF001 - random texts, SQL of constants, and a look inside.

import asyncio
import json
import random
import statistics
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from uuid import UUID, uuid4

import asyncpg
import psycopg
from app.core.database import Database, async_engine, normalize_url, process_engine
from app.core.database.models import SCHEMA
from app.core.features import load_models
from app.core.settings import get_settings
from app.extensions.documents import search as module
from app.extensions.documents.chunking import Part
from app.extensions.documents.embedding import process_embedder
from app.extensions.documents.indexes import ensure_index
from app.extensions.documents.ingest import store_chunks
from app.extensions.documents.models import Document
from app.extensions.documents.schemas import SearchMode, SearchRequest
from sqlalchemy import text
from uuid_utils.compat import uuid7

QUALITY = Path(__file__).parent / "quality"
DOCUMENTS = 50  # a filter by one of them leaves 2 %
WORDS = 60  # in a chunk
ASKED = 200
random.seed(7)
# As in a language, few words are frequent: the nth is 1/n as likely as the first.
VOCABULARY = [
    "".join(random.choices("aeiou", k=1)[0] + random.choice("bcdfgklmnprstvz") for _ in range(n))
    for n in random.choices((2, 3, 4, 5), k=20_000)
]
WEIGHTS = [1 / (rank + 10) for rank in range(len(VOCABULARY))]


def random_text(words: int) -> str:
    """A text of random words."""
    return " ".join(random.choices(VOCABULARY, WEIGHTS, k=words))


async def add(database: Database, owner: UUID, texts: Sequence[str], name: str) -> float:
    """Embed and store a document as the pipeline does; the seconds it took."""
    started = time.perf_counter()
    embedder = process_embedder()
    vectors = []
    for start in range(0, len(texts), embedder.batch):
        vectors += await embedder.embed(texts[start : start + embedder.batch])
    async with database.session() as session:
        document = Document(
            owner_id=owner, name=name, object_key=str(uuid4()), size=1, sha256=uuid4().hex * 2,
            media_type="text/plain", labels={"name": name},
        )  # fmt: skip
        session.add(document)
        await session.flush()
        await store_chunks(session, document, "en", [Part(each, None) for each in texts], vectors)
        await session.commit()
    return time.perf_counter() - started


async def quality(database: Database) -> None:
    """Recall of the written questions."""
    owner = new_owner()
    passages = (QUALITY / "passages.txt").read_text("utf-8").splitlines()
    lines = (QUALITY / "questions.tsv").read_text("utf-8").splitlines()
    questions = [(line.split("\t")[0], int(line.split("\t")[1]) - 1) for line in lines]
    await add(database, owner, passages, "passages")
    print(f"\n{len(passages)} passages, {len(questions)} questions\n")
    print("| mode | recall@1 | recall@3 | recall@10 |\n|---|---:|---:|---:|")
    for mode in (SearchMode.VECTOR, SearchMode.TEXT, SearchMode.HYBRID):
        places = []
        for question, right in questions:
            request = SearchRequest(query=question, mode=mode, limit=10)
            page = await module.search(database, owner, request)
            found = [hit.position for hit in page.items]
            places.append(found.index(right) if right in found else 10)
        shares = [sum(place < depth for place in places) / len(places) for depth in (1, 3, 10)]
        print(f"| {mode} | " + " | ".join(f"{share:.2f}" for share in shares) + " |")


def new_owner() -> UUID:
    """A row in the table of users."""
    owner = uuid7()
    with process_engine().begin() as connection:
        connection.execute(
            text(
                f"INSERT INTO {SCHEMA}.users (id, role, status, created_at, updated_at)"
                " VALUES (:id, 'user', 'approved', now(), now())"
            ),
            {"id": owner},
        )
    return owner


async def fill(database: Database, owner: UUID, count: int) -> None:
    """Store random chunks, then their index."""
    each = count // DOCUMENTS
    seconds = 0.0
    for number in range(DOCUMENTS):
        texts = [random_text(WORDS) for _ in range(each)]
        seconds += await add(database, owner, texts, str(number))
    print(f"\nIngestion, embedded and stored: {each * DOCUMENTS / seconds:.0f} chunks/s")
    started = time.perf_counter()
    embedder = process_embedder()
    ensure_index(process_engine(), embedder.model, embedder.dimensions, memory="512MB")
    print(f"Index of {count} chunks: {time.perf_counter() - started:.0f} s")
    with process_engine().connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT").execute(text("ANALYZE"))


async def times(work: Callable[[str], Awaitable[object]], questions: Sequence[str]) -> list[float]:
    """Milliseconds of each."""
    found = []
    for question in questions:
        started = time.perf_counter()
        await work(question)
        found.append((time.perf_counter() - started) * 1000)
    return found


def at(values: Sequence[float]) -> tuple[float, float]:
    """p50 and p95."""
    cuts = statistics.quantiles(values, n=20)
    return cuts[9], cuts[18]


class ByHand:
    """The same statements with asyncpg alone, on one connection."""

    def __init__(self, connection: asyncpg.Connection, owner: UUID, mode: SearchMode) -> None:
        self.connection, self.owner, self.mode = connection, owner, mode
        embedder = process_embedder()
        statement = module.ranking(
            mode, embedder.model, embedder.dimensions, filtered=False, loose=True, exact=False
        )
        self.ranking, self.names = positional(statement)
        self.shown, self.shown_names = positional(module._SHOWN)
        self.set_up, _ = positional(module.set_up(filtered=False))

    async def __call__(self, question: str) -> None:
        """One search."""
        embedder = process_embedder()
        vector = None
        if self.mode is not SearchMode.TEXT:
            vector = json.dumps((await embedder.embed([question]))[0])
        values = {"owner_id": self.owner, "query": question, "vector": vector, "limit": 11}
        async with self.connection.transaction():
            await self.connection.fetchrow(self.set_up, self.owner)
            rows = await self.connection.fetch(self.ranking, *map(values.get, self.names))
        values |= {"ids": [row["id"] for row in rows[:10]], "options": module._OPTIONS}
        async with self.connection.transaction():
            await self.connection.fetchrow(
                "SELECT set_config('request.jwt.claims', $1, true),"
                " set_config('statement_timeout', '8s', true),"
                " set_config('role', 'authenticated', true)",
                json.dumps({"sub": str(self.owner), "role": "authenticated"}),
            )
            await self.connection.fetch(self.shown, *map(values.get, self.shown_names))


def positional(statement: object) -> tuple[str, list[str]]:
    """SQL and the names of its parameters in order, as SQLAlchemy gives them to asyncpg."""
    from sqlalchemy.dialects.postgresql.asyncpg import PGDialect_asyncpg

    compiled = statement.compile(dialect=PGDialect_asyncpg())  # type: ignore[attr-defined]
    return str(compiled), list(compiled.positiontup or [])


async def speed(database: Database, owner: UUID) -> None:
    """Searches against the same SQL by hand, in turns."""
    connection = await asyncpg.connect(
        normalize_url(get_settings().database_url).render_as_string(hide_password=False)
    )
    print("\n| mode | p50 ms | p95 ms | by hand p50 | by hand p95 | ratio p50 | ratio p95 |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    for mode in SearchMode:
        by_hand = ByHand(connection, owner, mode)

        async def ours(question: str, mode: SearchMode = mode) -> None:
            await module.search(database, owner, SearchRequest(query=question, mode=mode))

        mine: list[float] = []
        theirs: list[float] = []
        questions = [random_text(5) for _ in range(ASKED)]
        await times(ours, questions[:10])
        await times(by_hand, questions[:10])
        for start in range(0, ASKED, 20):
            # Who comes first finds colder caches: turn about.
            pair = [(ours, mine), (by_hand, theirs)]
            for work, into in pair if start % 40 else pair[::-1]:
                into += await times(work, questions[start : start + 20])
        (p50, p95), (hand50, hand95) = at(mine), at(theirs)
        print(
            f"| {mode} | {p50:.1f} | {p95:.1f} | {hand50:.1f} | {hand95:.1f}"
            f" | **{p50 / hand50:.2f}** | {p95 / hand95:.2f} |"
        )
    await connection.close()


async def recall(database: Database, owner: UUID) -> None:
    """What searches find of the ten nearest, and what HNSW would find alone."""
    embedder = process_embedder()
    questions = [random_text(5) for _ in range(ASKED // 2)]
    vectors = await embedder.embed(questions)
    url = normalize_url(get_settings().database_url).render_as_string(hide_password=False)
    with psycopg.connect(url) as connection:
        connection.execute("SET search_path = public, extensions")
        exact = {}
        connection.execute("SET enable_indexscan = off")
        documents = connection.execute(
            f"SELECT id FROM {SCHEMA}.documents WHERE owner_id = %s LIMIT 1", (owner,)
        ).fetchone()
        assert documents
        for filtered in (False, True):
            within = "AND document_id = %(document)s" if filtered else ""
            exact[filtered] = [
                [
                    row[0]
                    for row in connection.execute(
                        f"SELECT chunk_id FROM {SCHEMA}.documents_embeddings"
                        f" WHERE owner_id = %(owner)s AND model = %(model)s {within}"
                        f" ORDER BY embedding::halfvec({embedder.dimensions})"
                        f" <=> %(vector)s::halfvec({embedder.dimensions}) LIMIT 10",
                        {
                            "owner": owner,
                            "model": embedder.model,
                            "document": documents[0],
                            "vector": json.dumps(vector),
                        },
                    )
                ]
                for vector in vectors
            ]
    print("\n| vectors | filter | recall@10 | fewest hits of 10 |\n|---|---|---:|---:|")
    for way, most in (("as a search goes", module.EXACT), ("by HNSW alone", 0)):
        module.EXACT = most
        for filtered in (False, True):
            ids = [documents[0]] if filtered else None
            shares, fewest = [], 10
            for question, nearest in zip(questions, exact[filtered], strict=True):
                request = SearchRequest(
                    query=question, mode=SearchMode.VECTOR, document_ids=ids, limit=10
                )
                found = [
                    hit.chunk_id for hit in (await module.search(database, owner, request)).items
                ]
                shares.append(len(set(found) & set(nearest)) / 10)
                fewest = min(fewest, len(found))
            print(
                f"| {way} | {'2 %' if filtered else 'none'} | **{statistics.mean(shares):.3f}**"
                f" | {fewest} |"
            )


async def main(count: int) -> None:
    """Measure everything."""
    load_models()
    database = Database(async_engine(get_settings()))
    await quality(database)
    owner = new_owner()
    await fill(database, owner, count)
    await speed(database, owner)
    await recall(database, owner)
    await database.close()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
