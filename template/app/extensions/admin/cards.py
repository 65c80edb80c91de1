"""Cards of the dashboard. The `admin.py` of a feature adds some by a function `cards`.

async def cards(request: Request) -> list[Card]: ...
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from sqlmodel import func, select
from starlette.requests import Request

from app.core.database import database_of


@dataclass(frozen=True)
class Row:
    """A figure. It may link to a page, and have a colour of Bootstrap: green, yellow or red."""

    label: str
    value: object
    url: str | None = None
    color: str | None = None


@dataclass(frozen=True)
class Card:
    """Figures of one subject."""

    title: str
    rows: list[Row] = field(default_factory=list)
    # The text of a card without rows.
    empty: str = "None."


async def state_card(
    request: Request, title: str, column: Any, *, identity: str, alert: StrEnum, color: str
) -> Card:
    """Count the rows of a table by state; each count links to the filtered list.

    Args:
        request: the request for the dashboard.
        title: the title of the card.
        column: the state; its type is the enum of `alert`.
        identity: the view that lists the rows. It has a filter by `column`.
        alert: the state that has a colour while rows are in it.
        color: that colour.
    """
    statement = select(column.label("state"), func.count().label("count")).group_by(column)
    found = await database_of(request).reader.rows(statement)
    counts = {row["state"]: row["count"] for row in found}
    url = request.url_for("admin:list", identity=identity)
    rows = [
        Row(
            state.value.capitalize(),
            counts.get(state, 0),
            str(url.include_query_params(**{column.key: state.value})),
            color if state is alert and counts.get(state) else None,
        )
        for state in type(alert)
    ]
    return Card(title, rows)
