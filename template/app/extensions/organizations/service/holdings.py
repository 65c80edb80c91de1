"""The tables with rows of organizations, and how their rows name the organization.

Most of them have a column `organization_id`. A table that has rows of users as well, or whose rows
are kept when the organization is removed, has another column. The feature that connects such a
table with organizations names it in its `organizations.py`:

    HOLDINGS = (Holding("orders", "owner_id"),)

The export of an organization has these rows.
"""

from collections.abc import Callable
from dataclasses import dataclass
from operator import attrgetter
from uuid import UUID

from sqlalchemy import Connection, Table

from app.core.database.models import metadata
from app.core.features import load
from app.extensions.organizations.models import Organization
from app.extensions.organizations.service.lookup import find_id
from app.extensions.organizations.service.scope import Scope

KEY = "organization_id"

_id: Callable[[Scope], UUID] = attrgetter(KEY)


@dataclass(frozen=True)
class Holding:
    """A table with rows of organizations.

    Args:
        table: its name.
        column: the column that says to whom a row belongs.
        without: columns that are not exported.
        value: returns what the rows of an organization have in that column.
        organization: the reverse: returns the organization of a value, or None.
    """

    table: str
    column: str
    without: tuple[str, ...] = ()
    value: Callable[[Scope], UUID] = attrgetter("holder_id")
    organization: Callable[[Connection, UUID], UUID | None] = find_id

    def load(self) -> Table:
        """Return the table."""
        return metadata.tables[f"{metadata.schema}.{self.table}"]


def known() -> list[Holding]:
    """Return organizations themselves, the tables with an `organization_id`, and all others."""
    itself = str(Organization.__tablename__)
    return [
        Holding(itself, "id", value=_id),
        *(Holding(table.name, KEY, value=_id) for table in scoped_tables()),
        *(each for _, module in load("organizations") for each in getattr(module, "HOLDINGS", ())),
    ]


def scoped_tables() -> list[Table]:
    """Return the tables with an `organization_id`, of all features."""
    return [table for table in metadata.sorted_tables if KEY in table.columns]
