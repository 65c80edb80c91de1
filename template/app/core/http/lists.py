"""Lists of rows: declared once, read in one round trip, by offset or by keyset.

    ITEMS = Listing(
        Item,
        ItemRead,
        scope=Item.owner_id,
        search=[Item.title],
        filters={"done": Item.done},
        orders={ItemSort.NEWEST: desc(Item.created_at), ItemSort.TITLE: func.lower(Item.title)},
    )

    await ITEMS.page(reader, query, owner_id=user.id)
    await ITEMS.get(reader, item_id, owner_id=user.id)
    await ITEMS.add(session, owner_id=user.id, title="Tea")

The statement of each combination of filters is built once, with bind parameters: to build one, and
the key under which SQLAlchemy caches its SQL, takes longer than to run it.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from enum import Enum, StrEnum
from functools import cache, partial
from typing import Any, Generic, TypeVar, cast, overload
from uuid import UUID

from pydantic import TypeAdapter
from sqlalchemy import (
    ColumnElement,
    Executable,
    Select,
    Table,
    Text,
    UnaryExpression,
    bindparam,
    func,
    insert,
    inspect,
    or_,
    select,
    tuple_,
)
from sqlalchemy.sql.operators import desc_op
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.database import Reader, write
from app.core.database.models import Model
from app.core.errors import NotFoundError
from app.core.http.pagination import (
    KeysetPage,
    KeysetQuery,
    OffsetPage,
    OffsetQuery,
    decode_cursor,
    encode_cursor,
)
from app.core.http.schemas import ResponseModel, UtcDatetime

Row = TypeVar("Row", bound=ResponseModel)

# A column that has to be equal to the value, or a function that makes the condition.
Filter = Any | Callable[[ColumnElement[Any]], ColumnElement[bool]]

# The position of a row by keyset: `created_at` and `id`.
_POSITION = TypeAdapter(tuple[UtcDatetime, UUID])

TOTAL = "total_count"  # column of the page's statement that carries the total


class Everyone(Enum):
    """Stands for the rows of all users. None does not, because a missing user is None as well."""

    EVERYONE = "everyone"


EVERYONE = Everyone.EVERYONE


class Listing(Generic[Row]):
    """A list that a feature offers; `page` reads one page of it, `get` one row, and `add` adds one.

    Args:
        model: the table, with the columns `id` and `created_at`.
        row: what an entry is answered as; each of its fields is a column.
        scope: the column of the owner, whose value `page` and `get` require; or EVERYONE, for a
            list of the rows of all users.
        search: text columns; the query's `search` is looked for in each of them. Case does not
            matter, and `%` and `_` have no special meaning.
        filters: by the name of the query's field, which is optional; see `Filter`.
        orders: by the value of the query's `sort`, for pages by offset. Rows that are equal there
            are in the order of `id`. Without orders, and by keyset, the newest row is the first.

    Raises:
        KeyError: the row has a field that is no column.
        TypeError: the scope is None.
    """

    def __init__(
        self,
        model: type[Model],
        row: type[Row],
        *,
        scope: Any,
        search: Sequence[Any] = (),
        filters: Mapping[str, Filter] | None = None,
        orders: Mapping[StrEnum, Any] | None = None,
    ) -> None:
        table = inspect(model).local_table
        assert isinstance(table, Table)
        self._table = table
        self._row = row
        self._name = re.sub(r"(?<!^)(?=[A-Z])", "_", model.__name__).lower()
        self._columns = [table.c[name] for name in row.model_fields]
        if scope is None:
            raise TypeError("Give the column of the owner as scope, or EVERYONE.")
        self._scope: str | None = None if scope is EVERYONE else scope.key
        self._orders = orders or {}
        self._conditions = {name: _condition(name, each) for name, each in (filters or {}).items()}
        if search:
            self._conditions["search"] = _found_in(search)
        self._base = [scope == bindparam(self._scope, type_=scope.type)] if self._scope else []
        one = table.c.id == bindparam("id", type_=table.c.id.type)
        fields = model.model_fields.items()
        # Pydantic's own `get_default` reads the signature of the factory each time.
        self._defaults: dict[str, Callable[[], Any]] = {
            name: cast("Any", each.default_factory) or partial(deepcopy, each.default)
            for name, each in fields
            if not each.is_required()
        }
        self._insert_statement = cache(self._build_insert)
        self._one_statement = self._filtered(select(*self._columns), ()).where(one)
        self._offset_statement = cache(self._build_by_offset)
        self._keyset_statement = cache(self._build_by_keyset)
        self._count_statement = cache(self._count)
        self._offset_page: type[OffsetPage[Row]] = OffsetPage[row]  # type: ignore[valid-type]
        self._keyset_page: type[KeysetPage[Row]] = KeysetPage[row]  # type: ignore[valid-type]

    @overload
    async def page(self, reader: Reader, query: OffsetQuery, **scope: Any) -> OffsetPage[Row]: ...
    @overload
    async def page(self, reader: Reader, query: KeysetQuery, **scope: Any) -> KeysetPage[Row]: ...
    async def page(
        self, reader: Reader, query: OffsetQuery | KeysetQuery, **scope: Any
    ) -> OffsetPage[Row] | KeysetPage[Row]:
        """Read the page that a query asks for; `scope` is the scope's column and its value.

        Raises:
            InvalidError: the cursor is not of this list.
            TypeError: the scope is missing or None, or another one is given.
        """
        self._check_scope(scope)
        given = {name: getattr(query, name) for name in self._conditions}
        given = {name: value for name, value in given.items() if value is not None}
        values = scope | given
        if isinstance(query, OffsetQuery):
            return await self._by_offset(reader, query, tuple(given), values)
        return await self._by_keyset(reader, query, tuple(given), values)

    async def get(self, reader: Reader, key: UUID, **scope: Any) -> Row:
        """Read the row with this `id`; `scope` is as in `page`.

        Raises:
            NotFoundError: the scope has no such row; the code of a model `Item` is
                `item_not_found`.
            TypeError: see `page`.
        """
        self._check_scope(scope)
        for row in await reader.rows(self._one_statement, scope | {"id": key}):
            return self._row.model_validate(row)
        raise NotFoundError(
            f"There is no such {self._name.replace('_', ' ')}.", code=f"{self._name}_not_found"
        )

    async def add(self, session: AsyncSession, **values: Any) -> Row:
        """Add a row in the transaction of a session, without a commit, and return it.

        `values` are those of the columns. Missing ones have the defaults of the model.

        Raises:
            sqlalchemy.exc.DBAPIError: Postgres refuses the row, or ends the connection.
        """
        for name in self._defaults.keys() - values.keys():
            values[name] = self._defaults[name]()
        # As in a session, the database sets what has no value; JSON has a null of its own.
        given = {
            name: value
            for name, value in values.items()
            if value is not None or self._table.c[name].type.should_evaluate_none
        }
        (row,) = await write(session, self._insert_statement(frozenset(given)), given)
        return self._row.model_validate(row)

    async def _by_offset(
        self, reader: Reader, query: OffsetQuery, names: tuple[str, ...], values: dict[str, Any]
    ) -> OffsetPage[Row]:
        sort = getattr(query, "sort", None)
        values |= {"limit": query.limit, "offset": query.offset}
        rows = await reader.rows(self._offset_statement(names, sort, counted=query.total), values)
        total = None
        if query.total:
            # Without a row there is no total: the page is empty, or behind the last one.
            counts = rows or await reader.rows(self._count_statement(names), values)
            total = counts[0][TOTAL]
        return self._offset_page.model_validate(
            {"items": rows, "total": total, "limit": query.limit, "offset": query.offset}
        )

    async def _by_keyset(
        self, reader: Reader, query: KeysetQuery, names: tuple[str, ...], values: dict[str, Any]
    ) -> KeysetPage[Row]:
        after = query.cursor is not None
        if query.cursor is not None:
            values["after_time"], values["after_id"] = decode_cursor(query.cursor, _POSITION)
        # One row more than asked for says that there is a next page.
        values |= {"limit": query.limit + 1}
        rows = await reader.rows(self._keyset_statement(names, after=after), values)
        page = rows[: query.limit]
        cursor = None
        if len(rows) > query.limit:
            cursor = encode_cursor((page[-1]["created_at"], page[-1]["id"]))
        return self._keyset_page.model_validate({"items": page, "next_cursor": cursor})

    def _check_scope(self, scope: Mapping[str, Any]) -> None:
        if scope.keys() != ({self._scope} if self._scope else set()) or None in scope.values():
            expected = self._scope or "no scope"
            raise TypeError(f"This list takes {expected}, and its value must not be None.")

    def _build_insert(self, names: frozenset[str]) -> Executable:
        binds = {name: bindparam(name, type_=self._table.c[name].type) for name in names}
        return insert(self._table).values(binds).returning(*self._columns)

    def _build_by_offset(
        self, names: tuple[str, ...], sort: StrEnum | None, *, counted: bool
    ) -> Executable:
        statement = self._filtered(select(*self._columns), names)
        if counted:
            total = self._count(names).correlate(None).scalar_subquery()
            statement = statement.add_columns(total.label(TOTAL))
        order = self._orders[sort] if sort else self._table.c.created_at.desc()
        descends = isinstance(order, UnaryExpression) and order.modifier is desc_op
        key = self._table.c.id.desc() if descends else self._table.c.id
        return statement.order_by(order, key).limit(bindparam("limit")).offset(bindparam("offset"))

    def _build_by_keyset(self, names: tuple[str, ...], *, after: bool) -> Executable:
        statement = self._filtered(select(*self._columns), names)
        created_at, key = self._table.c.created_at, self._table.c.id
        if after:
            place = tuple_(
                bindparam("after_time", type_=created_at.type),
                bindparam("after_id", type_=key.type),
            )
            statement = statement.where(tuple_(created_at, key) < place)
        return statement.order_by(created_at.desc(), key.desc()).limit(bindparam("limit"))

    def _count(self, names: tuple[str, ...]) -> Select[Any]:
        return self._filtered(select(func.count().label(TOTAL)).select_from(self._table), names)

    def _filtered(self, statement: Select[Any], names: tuple[str, ...]) -> Select[Any]:
        return statement.where(*self._base, *(self._conditions[name] for name in names))


def _condition(name: str, filter_: Filter) -> ColumnElement[bool]:
    if hasattr(filter_, "type"):  # a column
        return cast("ColumnElement[bool]", filter_ == bindparam(name, type_=filter_.type))
    return cast("ColumnElement[bool]", filter_(bindparam(name)))


def _found_in(columns: Sequence[Any]) -> ColumnElement[bool]:
    text = func.lower(bindparam("search", type_=Text))
    # Not LIKE, in which `%` and `_` are wildcards.
    return or_(*(func.strpos(func.lower(column), text) > 0 for column in columns))
