"""Filters beside a list: by a state, by a range of days, by the row that a foreign key names.

A value that cannot be parsed, such as a day that does not exist, is ignored.
"""

from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqladmin.filters import StaticValuesFilter, get_title
from sqlalchemy import Select, String, cast, func, select


class EnumFilter(StaticValuesFilter):
    """Rows with one value of an enum."""

    def __init__(self, column: Any, values: type[StrEnum]) -> None:
        super().__init__(column, [(each.value, each.value.capitalize()) for each in values])

    async def get_filtered_query(self, query: Select[Any], value: Any, model: Any) -> Select[Any]:
        """See SQLAdmin."""
        if value not in dict(self.values):
            return query
        return await super().get_filtered_query(query, value, model)


class InputFilter(StaticValuesFilter):
    """Rows whose column equals the text of an input field."""

    template = "sqladmin/filters/input_filter.html"
    input_type = "text"
    column: Any

    def __init__(self, column: Any) -> None:
        super().__init__(column, [])

    async def get_filtered_query(
        self,
        query: Select[Any],
        value: Any,
        model: Any,  # noqa: ARG002 - SQLAdmin defines the signature
    ) -> Select[Any]:
        """See SQLAdmin."""
        return self.apply(query, str(value).strip())

    def apply(self, query: Select[Any], value: str) -> Select[Any]:
        """Add the condition to a statement."""
        return query.where(self.column == value)


class DayFilter(InputFilter):
    """Rows since the beginning of a day, or until the end of one, in UTC."""

    input_type = "date"

    def __init__(self, column: Any, *, until: bool) -> None:
        super().__init__(column)
        self.until = until
        suffix = "until" if until else "from"
        self.title = f"{get_title(column)} {suffix}"
        self.parameter_name = f"{self.parameter_name}_{suffix}"

    def apply(self, query: Select[Any], value: str) -> Select[Any]:
        """See `InputFilter`."""
        try:
            day = datetime.combine(date.fromisoformat(value), time(), UTC)
            if self.until:
                return query.where(self.column < day + timedelta(days=1))
        except (ValueError, OverflowError):
            return query
        return query.where(self.column >= day)


def day_range(column: Any) -> tuple[DayFilter, DayFilter]:
    """Return the two filters of a range of days."""
    return DayFilter(column, until=False), DayFilter(column, until=True)


class LinkFilter(InputFilter):
    """Rows that refer to a row of another view, given by its id or by its whole title."""

    def __init__(self, column: Any, target: Any) -> None:
        super().__init__(column)
        self.target = target

    def apply(self, query: Select[Any], value: str) -> Select[Any]:
        """See `InputFilter`."""
        try:
            return query.where(self.column == UUID(value))
        except ValueError:
            title = cast(getattr(self.target.model, self.target.title_column), String)
            named = select(self.target.pk_columns[0]).where(func.lower(title) == value.lower())
            return query.where(self.column.in_(named))
