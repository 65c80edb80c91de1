"""What a feature's `admin.py` is made of: views of tables, and pages of other things.

    class ParcelAdmin(View, model=Parcel):
        title_column = "address"
        column_list = ["address", "sent", "owner_id", "created_at"]

Nothing can be changed in a view unless it says so; what changes is recorded, see `audit`.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, ClassVar

from markupsafe import Markup
from sqladmin import BaseView, ModelView
from sqladmin.pagination import Pagination
from sqlalchemy import Select, String, cast, false, func, literal, or_, select
from sqlalchemy.exc import IntegrityError
from sqlmodel.sql.sqltypes import AutoString
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import StreamingResponse

from app.core.errors import ConflictError
from app.extensions.admin import audit
from app.extensions.admin.access import Access
from app.extensions.admin.filters import LinkFilter
from app.extensions.admin.formats import FORMATTERS
from app.extensions.admin.secrecy import is_secret

# Rows that a list counts and pages through, as in the API: deeper ones are found by filters.
MAX_ROWS = 10_000
# A spreadsheet takes a cell that begins with one of these for a formula.
FORMULA = ("=", "+", "-", "@", "\t", "\r")


# Within a view, `list` is its list page.
Rows = list[Any]


class View(ModelView):
    """A table; by default it is for looking only.

    It offers what SQLAdmin's `ModelView` does, and leaves out columns by the name of a secret.
    """

    access: ClassVar[Access] = Access()
    # The column by which people know a row, in headings and where other rows link to it.
    title_column: ClassVar[str] = "id"
    # Columns that hold a key of another table without a foreign key, and that table.
    links: ClassVar[Mapping[str, str]] = {}

    can_create = False
    can_edit = False
    can_delete = False
    export_types: ClassVar = ["csv"]
    export_max_rows = MAX_ROWS
    use_pretty_export = True
    page_size = 25
    page_size_options: ClassVar = (25, 50, 100)
    search_auto_submit = False
    column_type_formatters: ClassVar = FORMATTERS

    def __init__(self) -> None:
        super().__init__()
        spoken = {name: name.replace("_", " ").capitalize() for name in self._prop_names}
        self._column_labels = spoken | self._column_labels
        # Known once all views are, see `site`: what rows here link to, and what links to them.
        self.linked: dict[str, View] = {}
        self.linking: list[tuple[View, str]] = []

    def title(self, row: Any) -> str:
        """What people call a row."""
        return str(getattr(row, self.title_column) or self.key(row))

    def key(self, row: Any) -> str:
        """Its primary key, as addresses have it."""
        return str(getattr(row, self.pk_columns[0].name))

    def related(self, row: Any, request: Request) -> list[tuple[str, str]]:
        """Names and addresses of lists: what belongs to a row, and what was done to it."""
        lists = [
            (view.name_plural, view.identity, name)
            for view, name in self.linking
            if view.is_accessible(request)
        ]
        return [
            (label, f"{request.url_for('admin:list', identity=identity)}?{name}={self.key(row)}")
            for label, identity, name in (*lists, ("History of it", "audit-entry", "subject_id"))
        ]

    # Secrets

    def get_list_columns(self) -> list[str]:
        """See SQLAdmin."""
        return _public(super().get_list_columns())

    def get_details_columns(self) -> list[str]:
        """See SQLAdmin."""
        return _public(super().get_details_columns())

    def get_form_columns(self) -> list[str]:
        """See SQLAdmin."""
        return _public(super().get_form_columns())

    def get_export_columns(self) -> list[str]:
        """See SQLAdmin."""
        return _public(super().get_export_columns())

    # Lists

    def get_filters(self) -> list[Any]:
        """Those of the view, and one for each column that links to another view."""
        ours = [LinkFilter(getattr(self.model, name), view) for name, view in self.linked.items()]
        return [*super().get_filters(), *ours]

    def search_query(self, stmt: Select[Any], term: str) -> Select[Any]:
        """Look for a part of a column; % and _ are letters like any other."""
        columns = (cast(getattr(self.model, name), String) for name in self._search_fields)
        return stmt.where(
            or_(false(), *(each.icontains(term, autoescape=True) for each in columns))
        )

    def sort_query(self, stmt: Select[Any], request: Request) -> Select[Any]:
        """Sort, and by the key where all else is equal: no row is on two pages."""
        return super().sort_query(stmt, request).order_by(*self.pk_columns)

    async def count(self, request: Request, stmt: Select[Any] | None = None) -> int:
        """Count the rows of a list, up to `MAX_ROWS`: to count them all means to read them all."""
        if stmt is None:
            return await super().count(request)
        (listed,) = stmt.get_final_froms()
        rows = listed.element.order_by(None)  # type: ignore[attr-defined]
        rows = rows.with_only_columns(literal(1), maintain_column_froms=True).limit(MAX_ROWS + 1)
        found = await super().count(request, select(func.count()).select_from(rows.subquery()))
        request.state.more_rows = found > MAX_ROWS
        return min(found, MAX_ROWS)

    async def list(self, request: Request) -> Pagination:
        """Read a page, and what the rows on it link to: one statement for each such column."""
        page = await super().list(request)
        await self._read_titles(request, page.rows)
        return page

    async def get_object_for_details(self, request: Request) -> Any:
        """Read a row, and what it links to."""
        row = await super().get_object_for_details(request)
        if row is None:
            raise HTTPException(404, f"There is no such {self.name.lower()}.")
        await self._read_titles(request, [row])
        return row

    async def get_list_value(
        self, obj: Any, prop: str, request: Request | None = None
    ) -> tuple[Any, Any]:
        """See SQLAdmin; a key of another row becomes a link to it."""
        value, shown = await super().get_list_value(obj, prop, request)
        return value, self._link(prop, value, request) or shown

    async def get_detail_value(
        self, obj: Any, prop: str, request: Request | None = None
    ) -> tuple[Any, Any]:
        """See SQLAdmin; a key of another row becomes a link to it."""
        value, shown = await super().get_detail_value(obj, prop, request)
        return value, self._link(prop, value, request) or shown

    async def _read_titles(self, request: Request, rows: Any) -> None:
        titles: dict[Any, str] = {}
        for name, view in self.linked.items():
            keys = {getattr(row, name) for row in rows} - {None}
            if keys:
                key, title = view.pk_columns[0], getattr(view.model, view.title_column)
                found = await self._run_arbitrary_query(select(key, title).where(key.in_(keys)))
                titles |= {(name, each[0]): str(each[1] or each[0]) for each in found}
        request.state.titles = titles

    def _link(self, name: str, value: Any, request: Request | None) -> Markup | None:
        if request is None or name not in self.linked:
            return None
        title = getattr(request.state, "titles", {}).get((name, value))
        if title is None or not self.linked[name].is_accessible(request):
            return None
        identity = self.linked[name].identity
        url = request.url_for("admin:details", identity=identity, pk=str(value))
        return Markup('<a href="{}">{}</a>').format(str(url), title)

    # Export

    async def get_model_objects(self, request: Request, limit: int | None = 0) -> Rows:
        """Read what the list shows with the same filters, on all its pages."""
        stmt = self.list_query(request)
        for each in self.get_filters():
            if value := request.query_params.get(each.parameter_name):
                stmt = await each.get_filtered_query(stmt, value, self.model)
        if term := request.query_params.get("search"):
            stmt = self.search_query(stmt, term)
        rows: Rows = await self._run_query(self.sort_query(stmt, request).limit(limit or None))
        return rows

    async def custom_export_cell(self, row: Any, name: str, value: Any) -> str | None:
        """Keep a text from being taken for a formula."""
        text = str(getattr(row, name)) if value is not None else ""
        return f"'{text}" if text.startswith(FORMULA) else text

    async def export_data(
        self, data: Rows, export_type: str = "csv", request: Request | None = None
    ) -> StreamingResponse:
        """See SQLAdmin; who takes rows away is recorded."""
        async with self.session_maker() as session:
            audit.record(
                session,
                "export",
                subject=audit.table_of(self.model),
                after={"rows": len(data), "query": request.url.query if request else ""},
            )
            await session.commit()
        return await super().export_data(data, export_type, request)

    # Changes

    async def insert_model(self, request: Request, data: dict[str, Any]) -> Any:
        """See SQLAdmin."""
        with _explained():
            return await super().insert_model(request, data)

    async def update_model(self, request: Request, pk: str, data: dict[str, Any]) -> Any:
        """See SQLAdmin."""
        with _explained():
            return await super().update_model(request, pk, data)

    async def delete_model(self, request: Request, pk: Any) -> None:
        """See SQLAdmin."""
        with _explained():
            await super().delete_model(request, pk)

    def _visible_custom_actions(self, request: Request, in_detail: bool = False) -> dict[str, str]:  # noqa: FBT001
        # SQLAdmin lists the last one first.
        return dict(reversed(super()._visible_custom_actions(request, in_detail).items()))

    def _stmt_by_identifier(self, identifier: str) -> Select[Any]:
        key = self.pk_columns[0]
        if isinstance(key.type, AutoString):
            # SQLAdmin does not see that SQLModel's own type for text holds text.
            return select(self.model).where(key == identifier)
        try:
            return super()._stmt_by_identifier(identifier)
        except (ValueError, TypeError) as error:
            raise HTTPException(404, f"There is no such {self.name.lower()}.") from error


class Page(BaseView):
    """A page of the site that shows no table: methods with SQLAdmin's `@expose`."""

    access: ClassVar[Access] = Access()

    def may_change(self, request: Request) -> bool:
        """Whether who is signed in may change what the page shows."""
        return request.state.actor.role in self.access.change

    def require_change(self, request: Request) -> None:
        """Let nobody else pass.

        Raises:
            HTTPException: 403.
        """
        if not self.may_change(request):
            raise HTTPException(403, "Your role may look here, and change nothing.")


def _public(names: list[str]) -> list[str]:
    return [name for name in names if not is_secret(name)]


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except IntegrityError as error:
        raise ConflictError(
            "This clashes with another row: a value that must be unique is taken, or rows still "
            "belong to this one."
        ) from error
