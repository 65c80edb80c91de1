"""Search in the chunks of one owner: by meaning, by words, or by both at once.

Two statements. The first ranks, as the backend, with the owner in its WHERE: under row level
security Postgres would not use the index of words, for `@@` is not leakproof. The second reads what
is shown, as the user: content comes through the policies or not at all.
"""

import base64
import html
import json
import re
from functools import cache
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import ARRAY, DateTime, Float, Integer, Text, TextClause, Uuid, bindparam, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection

from app.core.database import Database, act_as
from app.core.database.models import SCHEMA
from app.core.errors import InvalidError, UnavailableError
from app.core.logging import get_logger
from app.extensions.documents.embedding import (
    Embedder,
    EmbeddingError,
    Vector,
    WrongModelError,
    process_embedder,
)
from app.extensions.documents.indexes import literal
from app.extensions.documents.schemas import (
    Filters,
    Hit,
    SearchMode,
    SearchPage,
    SearchRequest,
)

log = get_logger(__name__)

# The best of each list that are considered, and so the depth of paging.
POOL = 100
# Reciprocal rank fusion: Cormack, Clarke, Büttcher, SIGIR 2009; the constant is theirs.
RRF = 60

# Up to so many vectors are compared with each, which takes milliseconds and misses none. The graph
# of HNSW is for more: it is one for all owners, and finds the less of the nearest, the fewer of
# its rows are asked.
EXACT = 20_000

# With a filter, an index scan goes on until enough rows pass it; a plain one ends after `ef_search`
# candidates, and might find nothing.
# What finds pgvector's operators is as in `indexes`.
_SET_UP = """
    SELECT to_regprocedure('auth.uid()') IS NOT NULL AS knows_users,
           (
               SELECT coalesce(sum(chunk_count), 0)
               FROM (
                   SELECT chunk_count FROM {schema}.documents
                   WHERE owner_id = :owner_id {filters} LIMIT {exact}
               ) AS asked
           ) AS chunks,
           set_config('search_path', quote_ident(nspname), true),
           set_config('hnsw.iterative_scan', 'relaxed_order', true),
           set_config('hnsw.ef_search', '400', true),
           set_config('hnsw.max_scan_tuples', '50000', true),
           -- A plan for any filter and any words would be one for none of them.
           set_config('plan_cache_mode', 'force_custom_plan', true),
           set_config('jit', 'off', true)
    FROM pg_extension JOIN pg_namespace ON pg_namespace.oid = extnamespace
    WHERE extname = 'vector'
"""

# Signs of a search that is meant as typed: "a phrase", -without, this OR that.
_OPERATORS = re.compile(r"\"|(?:^|\s)-\w|\sOR\s")

# Marks around what was found: characters that no chunk holds, see `extract`.
_START, _END = "\x02", "\x03"


class Place(NamedTuple):
    """The hit after which a page begins."""

    score: float
    chunk_id: UUID


async def search(database: Database, owner_id: UUID, request: SearchRequest) -> SearchPage:
    """Return a page of the owner's hits, the best first.

    Raises:
        InvalidError: the cursor is not one of a search.
        UnavailableError: the embedding service does not answer.
    """
    place = _decode(request.cursor) if request.cursor else None
    embedder = process_embedder()
    vector = None if request.mode is SearchMode.TEXT else await _vector(embedder, request.query)
    async with database.session() as session:
        connection = await session.connection()
        values = _values(owner_id, request, vector, place)
        filtered = any(values[name] is not None for name in Filters.model_fields)
        server = (await connection.execute(set_up(filtered=filtered), values)).one()
        statement = ranking(
            request.mode,
            embedder.model,
            embedder.dimensions,
            filtered=filtered,
            loose=not _OPERATORS.search(request.query),
            exact=server.chunks < EXACT,
        )
        found = [Place(*row) for row in await connection.execute(statement, values)]
    shown = found[: request.limit]
    async with database.session() as session:
        if server.knows_users:
            act_as(session, owner_id)
        hits = await _read(await session.connection(), owner_id, request, shown)
    more = len(found) > request.limit
    return SearchPage(items=hits, next_cursor=_encode(shown[-1]) if more else None)


@cache
def set_up(*, filtered: bool) -> TextClause:
    """The statement before: prepares the transaction; `knows_users`, and how many `chunks` to ask.

    Binds: owner_id, and the filters if there are any.
    """
    filters = _FILTERS if filtered else ""
    return _bound(_SET_UP.format(schema=SCHEMA, exact=EXACT, filters=filters))


@cache
def ranking(
    mode: SearchMode, model: str, dimensions: int, *, filtered: bool, loose: bool, exact: bool
) -> TextClause:
    """The statement that ranks chunks: `score` and `id`, the best first.

    Binds: owner_id, vector, query, document_ids, labels, created_from, created_before, last_score,
    last_id, limit; those of other modes and of no filter are left out.

    Args:
        mode: what it goes by.
        model: whose vectors, and
        dimensions: their length; both are written out, or the planner would not see which index
            fits.
        filtered: ask only some documents.
        loose: find chunks that hold any of the words, instead of all of them.
        exact: compare with every vector that is asked, instead of by the index.
    """
    parts = [_WANTED if filtered else _ALL]
    lists = []
    if mode is not SearchMode.TEXT:
        parts += [_COMPARED if exact else _INDEXED, _NEAR]
        lists.append("near")
    if mode is not SearchMode.VECTOR:
        parts.append(_FOUND)
        lists.append("found")
    source = _FUSED if len(lists) > 1 else _ALONE.format(lists[0])
    values = {
        "schema": SCHEMA,
        "pool": POOL,
        "rrf": RRF,
        "dimensions": dimensions,
        "model": literal(model).replace(":", r"\:"),
        "within": _WITHIN if filtered else "",
        "among": _AMONG if filtered else "",
        "query": _ANY_WORD if loose else _AS_TYPED,
        "filters": _FILTERS,
    }
    values["distances"] = _DISTANCES.format(**values)
    return _bound("".join((_BEGIN, ",".join(parts), _OUTER, source, _PAGE)).format(**values))


def _bound(sql: str) -> TextClause:
    return text(sql).bindparams(*(bind for bind in _BINDS if f":{bind.key}" in sql))


_ALL = """
wanted AS (
    SELECT id, search_config FROM {schema}.documents WHERE owner_id = :owner_id
)"""

_WANTED = """
wanted AS MATERIALIZED (
    SELECT id, search_config FROM {schema}.documents WHERE owner_id = :owner_id {filters}
)"""

_FILTERS = """
    AND (:document_ids IS NULL OR id = ANY (:document_ids))
    AND (:labels IS NULL OR labels @> :labels)
    AND (:created_from IS NULL OR created_at >= :created_from)
    AND (:created_before IS NULL OR created_at < :created_before)
"""

_AMONG = "AND document_id IN (SELECT id FROM wanted)"
# As an array it is made once, before the scan; a join could take the order from the index scan.
_WITHIN = "AND document_id = ANY (ARRAY(SELECT id FROM wanted))"

_DISTANCES = """
    SELECT chunk_id AS id,
           embedding::halfvec({dimensions}) <=> CAST(:vector AS halfvec({dimensions})) AS distance
    FROM {schema}.documents_embeddings
    WHERE owner_id = :owner_id AND model = {model}
"""

# The order and its LIMIT have to stand by themselves, or the index is not used.
_INDEXED = """
nearest AS MATERIALIZED ({distances} {within} ORDER BY distance LIMIT {pool})"""

_COMPARED = """
compared AS MATERIALIZED ({distances} {among}),
nearest AS (SELECT id, distance FROM compared ORDER BY distance LIMIT {pool})"""

# What holds no word that its model knows, a query or a chunk, has a vector of zeros and is at no
# distance.
_NEAR = """
near AS (
    SELECT id, 1 - distance AS score, row_number() OVER (ORDER BY distance, id) AS place
    FROM nearest
    WHERE distance <> 'NaN'
)"""

# Each chunk is asked in the language of its document. What is asked is made once for a language:
# inlined, it would be parsed again for every chunk that is ranked.
_FOUND = """
asked AS MATERIALIZED (
    SELECT search_config, {query} AS words
    FROM (SELECT DISTINCT search_config FROM wanted WHERE search_config IS NOT NULL) AS spoken
),
matching AS (
    SELECT chunk.id, ts_rank(chunk.words, asked.words) AS score
    FROM asked
    JOIN {schema}.documents_chunks AS chunk
      ON chunk.words @@ asked.words AND chunk.search_config = asked.search_config
    WHERE chunk.owner_id = :owner_id {within}
    ORDER BY score DESC, chunk.id
    LIMIT {pool}
),
found AS (
    SELECT id, score, row_number() OVER (ORDER BY score DESC, id) AS place FROM matching
)"""

_AS_TYPED = "websearch_to_tsquery(CAST(search_config AS regconfig), :query)"
_ANY_WORD = (
    "CAST(replace(CAST(plainto_tsquery(CAST(search_config AS regconfig), :query) AS text),"
    " '&', '|') AS tsquery)"
)

_FUSED = """
    SELECT id, sum(CAST(1 AS float8) / ({rrf} + place)) AS score
    FROM (SELECT id, place FROM near UNION ALL SELECT id, place FROM found) AS both_lists
    GROUP BY id
"""

_ALONE = "SELECT id, score FROM {}"

_BEGIN, _OUTER = "WITH", " SELECT score, id FROM ("

_PAGE = """
    ) AS ranked
    WHERE :last_id IS NULL OR (score, id) < (:last_score, :last_id)
    ORDER BY score DESC, id DESC
    LIMIT :limit
"""

_BINDS = (
    bindparam("owner_id", type_=Uuid),
    bindparam("vector", type_=Text),
    bindparam("query", type_=Text),
    bindparam("document_ids", type_=ARRAY(Uuid)),
    bindparam("labels", type_=JSONB(none_as_null=True)),
    bindparam("created_from", type_=DateTime(timezone=True)),
    bindparam("created_before", type_=DateTime(timezone=True)),
    bindparam("last_score", type_=Float),
    bindparam("last_id", type_=Uuid),
    bindparam("limit", type_=Integer),
)

_SHOWN = text(f"""
    SELECT chunk.id AS chunk_id, document_id, document.name AS document_name, page, position,
           content,
           ts_headline(
               CAST(chunk.search_config AS regconfig), content,
               {_AS_TYPED.replace("search_config", "chunk.search_config")}
               || {_ANY_WORD.replace("search_config", "chunk.search_config")},
               :options
           ) AS snippet
    FROM {SCHEMA}.documents_chunks AS chunk
    JOIN {SCHEMA}.documents AS document ON document.id = document_id
    WHERE chunk.id = ANY (:ids) AND chunk.owner_id = :owner_id
""").bindparams(  # noqa: S608 - of constants alone
    bindparam("ids", type_=ARRAY(Uuid)),
    bindparam("owner_id", type_=Uuid),
    bindparam("query", type_=Text),
    bindparam("options", type_=Text),
)
_OPTIONS = (
    f"StartSel={_START}, StopSel={_END}, MaxFragments=2, MaxWords=30, MinWords=10,"
    ' FragmentDelimiter=" … "'
)


async def _vector(embedder: Embedder, query: str) -> Vector:
    try:
        return (await embedder.embed([query]))[0]
    except (EmbeddingError, WrongModelError) as error:
        log.warning("query_not_embedded", error=str(error)[:300])
        raise UnavailableError(
            "The embedding service does not answer as it should; until it does, search with mode"
            " text.",
            code="embedding_unavailable",
        ) from error


def _values(
    owner_id: UUID, request: SearchRequest, vector: Vector | None, place: Place | None
) -> dict[str, Any]:
    return request.model_dump(include=set(Filters.model_fields)) | {
        "owner_id": owner_id,
        "query": request.query,
        "vector": json.dumps(vector),
        "last_score": place.score if place else None,
        "last_id": place.chunk_id if place else None,
        "limit": request.limit + 1,
    }


async def _read(
    connection: AsyncConnection, owner_id: UUID, request: SearchRequest, places: list[Place]
) -> list[Hit]:
    values = {
        "ids": [place.chunk_id for place in places],
        "owner_id": owner_id,
        "query": request.query,
        "options": _OPTIONS,
    }
    found = {row["chunk_id"]: row for row in (await connection.execute(_SHOWN, values)).mappings()}
    # One may have been deleted since it was ranked.
    return [
        Hit(**{**found[key], "score": score, "snippet": _marked(found[key]["snippet"])})
        for score, key in places
        if key in found
    ]


def _marked(snippet: str) -> str:
    """Make HTML of what Postgres marked: whatever a document holds, nothing of it is a tag."""
    return html.escape(snippet).replace(_START, "<mark>").replace(_END, "</mark>")


def _encode(place: Place) -> str:
    written = json.dumps([place.score, str(place.chunk_id)])
    return base64.urlsafe_b64encode(written.encode()).decode().rstrip("=")


def _decode(cursor: str) -> Place:
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        score, chunk_id = json.loads(base64.urlsafe_b64decode(padded.encode("ascii")))
        return Place(float(score), UUID(chunk_id))
    except (ValueError, TypeError, AttributeError) as error:
        raise InvalidError(
            "The cursor is not one of a search: take `next_cursor` as it was answered.",
            code="invalid_cursor",
        ) from error
