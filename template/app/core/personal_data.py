"""What a copy of the data for staging may hold: each feature decides it in its `personal_data.py`.

`TABLES` there has an entry for each table, with a decision for each column:

    TABLES = {"orders": Rows({"note": Rule.TEXT, "address": Rule.EMAIL}, keep=["amount", "state"])}

Columns of the types UUID, boolean and time with time zone need no decision and are kept: they say
nothing about a person without the other columns. A column of these types can have a rule, too.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum


class Rule(StrEnum):
    """How a value is replaced. The same value always gets the same replacement; NULL stays NULL."""

    EMAIL = "email"
    """An address at example.com. Different addresses stay different."""
    NAME = "name"
    """An invented name of a person."""
    TEXT = "text"
    """Words of the same length."""
    TOKEN = "token"  # noqa: S105 - not a password
    """Hexadecimal digits, for hashes and other values that must stay different."""
    EMPTY = "empty"
    """NULL or, where the column forbids it, an empty JSON object, list or text."""


@dataclass(frozen=True)
class Rows:
    """The decisions about the columns of a table. `omit` leaves all rows out."""

    replace: Mapping[str, Rule] = field(default_factory=dict)
    keep: Sequence[str] = ()
    omit: bool = False


OMITTED = Rows(omit=True)
