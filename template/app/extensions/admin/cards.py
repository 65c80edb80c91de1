"""Cards of the dashboard: figures that a feature's `admin.py` offers by a function `cards`.

async def cards(request: Request) -> list[Card]: ...
"""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Row:
    """A figure, where it leads, and whether it is good or bad: green, yellow, red."""

    label: str
    value: object
    url: str | None = None
    tone: str | None = None


@dataclass(frozen=True)
class Card:
    """Some figures that belong together."""

    title: str
    rows: list[Row] = field(default_factory=list)
    # Said where there are no rows.
    empty: str = "None."
