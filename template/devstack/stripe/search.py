"""Stripe's query language, as far as backends use it: clauses joined by AND."""

import re

from devstack.stripe.errors import invalid
from devstack.stripe.store import Json

CLAUSE = re.compile(
    r"""\s*(?P<field>[a-z_.]+)(?:\[["'](?P<key>[^"']+)["']\])?\s*(?P<operator>[:~])\s*"""
    r"""(?:"(?P<double>[^"]*)"|'(?P<single>[^']*)')\s*"""
)


def matches(item: Json, query: str) -> bool:
    """Return whether an object has the values of a query.

    Raises:
        StripeError: the query cannot be read.
    """
    for clause in re.split(r"\s+AND\s+", query.strip(), flags=re.IGNORECASE):
        found = CLAUSE.fullmatch(clause)
        if found is None:
            raise invalid(f"We were unable to parse your search query: {query}", "query")
        wanted = found["double"] if found["double"] is not None else found["single"]
        value = item.get(found["field"])
        if found["key"]:
            value = (value or {}).get(found["key"])
        shown = str(value).lower() if isinstance(value, bool) else value or ""
        if found["operator"] == "~":
            if wanted.lower() not in str(shown).lower():
                return False
        elif str(shown) != wanted:
            return False
    return True
