"""The base classes for a feature's `admin.py`: `View` shows a table, `Page` shows anything else.

    class ParcelAdmin(View, model=Parcel):
        title_column = "address"
        column_list = ["address", "sent", "owner_id", "created_at"]

A view is read-only unless it allows changes. Changes are recorded, see `audit`.
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
from starlette.responses import StreamingResponse  # noqa: TID251 - SQLAdmin's

from app.core.errors import ConflictError
from app.extensions.admin import audit
from app.extensions.admin.access import Access
from app.extensions.admin.filters import LinkFilter
from app.extensions.admin.formats import FORMATTERS
from app.extensions.admin.redaction import is_secret

# A list counts and pages through this many rows, as in the API; filters reach the others.
MAX_ROWS = 10_000
# A spreadsheet evaluates a cell that begins with one of these.
FORMULA = ("=", "+", "-", "@", "\t", "\r")

# In the body of `View`, the name `list` is its method.
Rows = list[Any]


class View(ModelView):
    """SQLAdmin's `ModelView`, read-only by default, without columns that hold secrets."""

    access: ClassVar[Access] = Access()
    # The column whose value names a row, in headings and in links to it.
    title_column: ClassVar[str] = "id"
    # Columns that refer to other tables without a foreign key: column -> table, or tables if a
    # value may be the key of either.
    links: ClassVar[Mapping[str, str | tuple[str, ...]]] = {}

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
        labels = {name: name.replace("_", " ").capitalize() for name in self._prop_names}
        self._column_labels = labels | self._column_labels
        # `site` fills these: column -> the views it refers to; views that refer to this one.
        self.targets: dict[str, tuple[View, ...]] = {}
        self.referrers: list[tuple[View, str]] = []

    def title(self, row: Any) -> str:
        """The name of a row."""
        return str(getattr(row, self.title_column) or self.key(row))

    def key(self, row: Any) -> str:
        """The primary key of a row, as URLs contain it."""
        return str(getattr(row, self.pk_columns[0].name))

    def related(self, row: Any, request: Request) -> list[tuple[str, str]]:
        """Labels and URLs of lists: the rows that refer to a row, and its audit log."""
        lists = [
            (view.name_plural, view.identity, name)
            for view, name in self.referrers
            if view.is_accessible(request)
        ]
        return [
            (label, f"{request.url_for('admin:list', identity=identity)}?{name}={self.key(row)}")
            for label, identity, name in (*lists, ("History", "audit-entry", "subject_id"))
        ]

    # Secrets

    def get_list_columns(self) -> list[str]:
        """See SQLAdmin."""
        return _without_secrets(super().get_list_columns())

    def get_details_columns(self) -> list[str]:
        """See SQLAdmin."""
        return _without_secrets(super().get_details_columns())

    def get_form_columns(self) -> list[str]:
        """See SQLAdmin."""
        return _without_secrets(super().get_form_columns())

    def get_export_columns(self) -> list[str]:
        """See SQLAdmin."""
        return _without_secrets(super().get_export_columns())

    # Lists

    def get_filters(self) -> list[Any]:
        """Return the filters of the view, and one for each column that refers to another view."""
        links = [
            LinkFilter(getattr(self.model, name), views[0]) for name, views in self.targets.items()
        ]
        return [*super().get_filters(), *links]

    def search_query(self, stmt: Select[Any], term: str) -> Select[Any]:
        """Search for a part of a column; unlike in SQLAdmin, % and _ are not wildcards."""
        columns = (cast(getattr(self.model, name), String) for name in self._search_fields)
        return stmt.where(
            or_(false(), *(each.icontains(term, autoescape=True) for each in columns))
        )

    def sort_query(self, stmt: Select[Any], request: Request) -> Select[Any]:
        """Sort by the key last, so that the order is the same on every page."""
        return super().sort_query(stmt, request).order_by(*self.pk_columns)

    async def count(self, request: Request, stmt: Select[Any] | None = None) -> int:
        """Count the rows of a list, up to `MAX_ROWS`, because Postgres counts by reading."""
        if stmt is None:
            return await super().count(request)
        (listed,) = stmt.get_final_froms()
        rows = listed.element.order_by(None)  # type: ignore[attr-defined]
        rows = rows.with_only_columns(literal(1), maintain_column_froms=True).limit(MAX_ROWS + 1)
        found = await super().count(request, select(func.count()).select_from(rows.subquery()))
        request.state.more_rows = found > MAX_ROWS
        return min(found, MAX_ROWS)

    async def list(self, request: Request) -> Pagination:
        """Read a page, and with one statement for each link the titles of the related rows."""
        page = await super().list(request)
        await self._read_titles(request, page.rows)
        return page

    async def get_object_for_details(self, request: Request) -> Any:
        """Read a row, and the titles of the related rows."""
        row = await super().get_object_for_details(request)
        if row is None:
            raise HTTPException(404, f"There is no such {self.name.lower()}.")
        await self._read_titles(request, [row])
        return row

    async def get_list_value(
        self, obj: Any, prop: str, request: Request | None = None
    ) -> tuple[Any, Any]:
        """See SQLAdmin; the key of another row becomes a link."""
        value, shown = await super().get_list_value(obj, prop, request)
        return value, self._link(prop, value, request) or shown

    async def get_detail_value(
        self, obj: Any, prop: str, request: Request | None = None
    ) -> tuple[Any, Any]:
        """See SQLAdmin; the key of another row becomes a link."""
        value, shown = await super().get_detail_value(obj, prop, request)
        return value, self._link(prop, value, request) or shown

    async def _read_titles(self, request: Request, rows: Any) -> None:
        titles: dict[Any, tuple[View, str]] = {}
        for name, view in ((name, view) for name, views in self.targets.items() for view in views):
            keys = {getattr(row, name) for row in rows} - {None}
            if keys:
                key, title = view.pk_columns[0], getattr(view.model, view.title_column)
                found = await self._run_arbitrary_query(select(key, title).where(key.in_(keys)))
                titles |= {(name, each[0]): (view, str(each[1] or each[0])) for each in found}
        request.state.titles = titles

    def _link(self, name: str, value: Any, request: Request | None) -> Markup | None:
        if request is None or name not in self.targets:
            return None
        target, title = getattr(request.state, "titles", {}).get((name, value), (None, None))
        if target is None or not target.is_accessible(request):
            return None
        url = request.url_for("admin:details", identity=target.identity, pk=str(value))
        return Markup('<a href="{}">{}</a>').format(str(url), title)

    # Export

    async def get_model_objects(self, request: Request, limit: int | None = 0) -> Rows:
        """Read the rows for an export: with the filters of the list, which SQLAdmin leaves out."""
        stmt = self.list_query(request)
        for each in self.get_filters():
            if value := request.query_params.get(each.parameter_name):
                stmt = await each.get_filtered_query(stmt, value, self.model)
        if term := request.query_params.get("search"):
            stmt = self.search_query(stmt, term)
        rows: Rows = await self._run_query(self.sort_query(stmt, request).limit(limit or None))
        return rows

    async def custom_export_cell(self, row: Any, name: str, value: Any) -> str | None:
        """Quote a text that a spreadsheet would evaluate as a formula."""
        text = str(getattr(row, name)) if value is not None else ""
        return f"'{text}" if text.startswith(FORMULA) else text

    async def export_data(
        self, data: Rows, export_type: str = "csv", request: Request | None = None
    ) -> StreamingResponse:
        """See SQLAdmin; the audit log records the export."""
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
        with _conflict_errors():
            return await super().insert_model(request, data)

    async def update_model(self, request: Request, pk: str, data: dict[str, Any]) -> Any:
        """See SQLAdmin."""
        with _conflict_errors():
            return await super().update_model(request, pk, data)

    async def delete_model(self, request: Request, pk: Any) -> None:
        """See SQLAdmin."""
        with _conflict_errors():
            await super().delete_model(request, pk)

    def _visible_custom_actions(self, request: Request, in_detail: bool = False) -> dict[str, str]:  # noqa: FBT001
        # SQLAdmin lists the actions in reverse.
        return dict(reversed(super()._visible_custom_actions(request, in_detail).items()))

    def _stmt_by_identifier(self, identifier: str) -> Select[Any]:
        key = self.pk_columns[0]
        if isinstance(key.type, AutoString):
            # SQLAdmin does not know SQLModel's type for text.
            return select(self.model).where(key == identifier)
        try:
            return super()._stmt_by_identifier(identifier)
        except (ValueError, TypeError) as error:
            raise HTTPException(404, f"There is no such {self.name.lower()}.") from error


class Page(BaseView):
    """A page that shows no table; its methods have SQLAdmin's decorator `@expose`."""

    access: ClassVar[Access] = Access()

    def may_change(self, request: Request) -> bool:
        """Tell whether the signed-in user may make changes on this page."""
        return request.state.actor.role in self.access.change

    def require_change(self, request: Request) -> None:
        """Refuse users who may not make changes on this page.

        Raises:
            HTTPException: 403.
        """
        if not self.may_change(request):
            raise HTTPException(403, "Your role may not make changes here.")


def _without_secrets(names: list[str]) -> list[str]:
    return [name for name in names if not is_secret(name)]


@contextmanager
def _conflict_errors() -> Iterator[None]:
    try:
        yield
    except IntegrityError as error:
        raise ConflictError(
            "The change conflicts with another row: a value is already in use, or other rows "
            "still refer to this one."
        ) from error
