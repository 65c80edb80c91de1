"""Search in the chunks of one owner: by meaning, by words, or by both.

A search has two statements. The first ranks the chunks as the backend, with the owner in its WHERE:
under row level security, Postgres would not use the index of words, because `@@` is not leakproof.
The second reads the content of the hits as the user, so that the policies apply.

Both are SQL text, because the planner uses the indexes only for certain forms of a query, and SQL
text shows this form.
"""

import html
import json
import re
from functools import cache
from typing import Any, NamedTuple
from uuid import UUID

from pydantic import FiniteFloat, TypeAdapter
from sqlalchemy import ARRAY, DateTime, Float, Integer, Text, TextClause, Uuid, bindparam, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection

from app.core.database import Database, act_as
from app.core.database.models import SCHEMA
from app.core.errors import UnavailableError
from app.core.http.pagination import decode_cursor, encode_cursor
from app.core.logging import get_logger
from app.extensions.documents.embedding import (
    Embedder,
    EmbeddingError,
    Vector,
    WrongModelError,
    process_embedder,
)
from app.extensions.documents.indexes import quote_literal
from app.extensions.documents.schemas import (
    Filters,
    Hit,
    Owner,
    SearchMode,
    SearchPage,
    SearchRequest,
)

log = get_logger(__name__)

# The number of best chunks of each list that are merged. It limits the depth of paging.
POOL = 100
# Reciprocal rank fusion, with the constant of Cormack, Clarke and Büttcher, SIGIR 2009.
RRF = 60

# Up to this number of chunks, all vectors are compared: this takes milliseconds and is exact. Above
# it, the HNSW index is used. The index has the vectors of all owners, and its recall is low if only
# few of them match.
EXACT = 20_000

# Iterative scans continue until enough rows pass the filters. Without them, a scan ends after
# `ef_search` candidates and may find nothing. For the search path, see `indexes.USE_VECTORS`.
_SET_UP = """
    SELECT to_regprocedure('auth.uid()') IS NOT NULL AS has_supabase_auth,
           (
               SELECT coalesce(sum(chunk_count), 0)
               FROM (
                   SELECT chunk_count FROM {schema}.documents
                   WHERE owner_id = :owner_id {filters} LIMIT {exact}
               ) AS queries
           ) AS chunks,
           set_config('search_path', quote_ident(nspname), true),
           set_config('hnsw.iterative_scan', 'relaxed_order', true),
           set_config('hnsw.ef_search', '400', true),
           set_config('hnsw.max_scan_tuples', '50000', true),
           -- A generic plan would fit neither the filters nor the words.
           set_config('plan_cache_mode', 'force_custom_plan', true),
           set_config('jit', 'off', true)
    FROM pg_extension JOIN pg_namespace ON pg_namespace.oid = extnamespace
    WHERE extname = 'vector'
"""

# The operators of a search: "a phrase", -without, this OR that.
_OPERATORS = re.compile(r"\"|(?:^|\s)-\w|\sOR\s")

# They mark the words that were found; no chunk contains these characters, see `extract`.
_START, _END = "\x02", "\x03"


class Position(NamedTuple):
    """The position of a hit in the ranking; a page starts after the last hit of the page before."""

    score: FiniteFloat
    chunk_id: UUID


_POSITION = TypeAdapter(Position)


async def search(database: Database, owner: Owner, request: SearchRequest) -> SearchPage:
    """Return a page of the owner's hits, the best first.

    Raises:
        InvalidError: the cursor is not valid.
        UnavailableError: the embedding service does not answer.
    """
    after = decode_cursor(request.cursor, _POSITION) if request.cursor else None
    embedder = process_embedder()
    vector = None if request.mode is SearchMode.TEXT else await _embed(embedder, request.query)
    async with database.session() as session:
        connection = await session.connection()
        values = _values(owner.id, request, vector, after)
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
        found = [Position(*row) for row in await connection.execute(statement, values)]
    page = found[: request.limit]
    async with database.session() as session:
        if server.has_supabase_auth:
            act_as(session, owner.user_id)
        hits = await _read(await session.connection(), owner.id, request, page)
    more = len(found) > request.limit
    return SearchPage(items=hits, next_cursor=encode_cursor(page[-1]) if more else None)


@cache
def set_up(*, filtered: bool) -> TextClause:
    """Return the statement that prepares the transaction.

    It returns `has_supabase_auth` and the number of `chunks` to search. Its parameters are
    owner_id and the filters.
    """
    filters = _FILTERS if filtered else ""
    return _bound(_SET_UP.format(schema=SCHEMA, exact=EXACT, filters=filters))


@cache
def ranking(
    mode: SearchMode, model: str, dimensions: int, *, filtered: bool, loose: bool, exact: bool
) -> TextClause:
    """Return the statement that ranks chunks: `score` and `id`, the best first.

    Its parameters are owner_id, vector, query, document_ids, labels, created_from, created_before,
    last_score, last_id and limit, without those that the mode and the filters do not need.

    Args:
        mode: by vectors, by words, or by both.
        model: the model of the vectors, and
        dimensions: their dimensions. Both are literals, so that the planner recognizes the index.
        filtered: search only some documents.
        loose: find chunks with any of the words, instead of all words.
        exact: compare all vectors, instead of using the index.
    """
    parts = [_SELECTED if filtered else _ALL]
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
        "model": quote_literal(model).replace(":", r"\:"),
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
selected AS (
    SELECT id, search_config FROM {schema}.documents WHERE owner_id = :owner_id
)"""

_SELECTED = """
selected AS MATERIALIZED (
    SELECT id, search_config FROM {schema}.documents WHERE owner_id = :owner_id {filters}
)"""

_FILTERS = """
    AND (:document_ids IS NULL OR id = ANY (:document_ids))
    AND (:labels IS NULL OR labels @> :labels)
    AND (:created_from IS NULL OR created_at >= :created_from)
    AND (:created_before IS NULL OR created_at < :created_before)
"""

_AMONG = "AND document_id IN (SELECT id FROM selected)"
# The array is computed once, before the scan. With a join, the index could lose its order.
_WITHIN = "AND document_id = ANY (ARRAY(SELECT id FROM selected))"

_DISTANCES = """
    SELECT chunk_id AS id,
           embedding::halfvec({dimensions}) <=> CAST(:vector AS halfvec({dimensions})) AS distance
    FROM {schema}.documents_embeddings
    WHERE owner_id = :owner_id AND model = {model}
"""

# Postgres uses the index only if ORDER BY and LIMIT are alone in a query.
_INDEXED = """
nearest AS MATERIALIZED ({distances} {within} ORDER BY distance LIMIT {pool})"""

_COMPARED = """
compared AS MATERIALIZED ({distances} {among}),
nearest AS (SELECT id, distance FROM compared ORDER BY distance LIMIT {pool})"""

# A text without any word that the model knows has a vector of zeros; its distances are NaN.
_NEAR = """
near AS (
    SELECT id, 1 - distance AS score, row_number() OVER (ORDER BY distance, id) AS place
    FROM nearest
    WHERE distance <> 'NaN'
)"""

# The words are searched in the language of each document. MATERIALIZED parses the query once for
# each language; otherwise Postgres would parse it for every chunk.
_FOUND = """
queries AS MATERIALIZED (
    SELECT search_config, {query} AS words
    FROM (SELECT DISTINCT search_config FROM selected WHERE search_config IS NOT NULL) AS configs
),
matching AS (
    SELECT chunk.id, ts_rank(chunk.words, queries.words) AS score
    FROM queries
    JOIN {schema}.documents_chunks AS chunk
      ON chunk.words @@ queries.words AND chunk.search_config = queries.search_config
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
""").bindparams(  # noqa: S608 - it consists of constants
    bindparam("ids", type_=ARRAY(Uuid)),
    bindparam("owner_id", type_=Uuid),
    bindparam("query", type_=Text),
    bindparam("options", type_=Text),
)
_OPTIONS = (
    f"StartSel={_START}, StopSel={_END}, MaxFragments=2, MaxWords=30, MinWords=10,"
    ' FragmentDelimiter=" … "'
)


async def _embed(embedder: Embedder, query: str) -> Vector:
    try:
        return (await embedder.embed([query]))[0]
    except (EmbeddingError, WrongModelError) as error:
        log.warning("query_not_embedded", error=str(error)[:300])
        raise UnavailableError(
            "The embedding service is not available. A search with the mode text works without it.",
            code="embedding_unavailable",
        ) from error


def _values(
    owner_id: UUID, request: SearchRequest, vector: Vector | None, after: Position | None
) -> dict[str, Any]:
    return request.model_dump(include=set(Filters.model_fields)) | {
        "owner_id": owner_id,
        "query": request.query,
        "vector": json.dumps(vector),
        "last_score": after.score if after else None,
        "last_id": after.chunk_id if after else None,
        "limit": request.limit + 1,
    }


async def _read(
    connection: AsyncConnection, owner_id: UUID, request: SearchRequest, page: list[Position]
) -> list[Hit]:
    values = {
        "ids": [position.chunk_id for position in page],
        "owner_id": owner_id,
        "query": request.query,
        "options": _OPTIONS,
    }
    found = {row["chunk_id"]: row for row in (await connection.execute(_SHOWN, values)).mappings()}
    # A chunk may have been deleted since the ranking.
    return [
        Hit(**{**found[key], "score": score, "snippet": _to_html(found[key]["snippet"])})
        for score, key in page
        if key in found
    ]


def _to_html(snippet: str) -> str:
    """Escape a snippet and mark its hits, so that the only tags are `<mark>`."""
    return html.escape(snippet).replace(_START, "<mark>").replace(_END, "</mark>")
