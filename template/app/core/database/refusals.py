"""Whether Postgres has refused a statement for good."""

from sqlalchemy.exc import DBAPIError

# Classes of SQLSTATE: a value, a constraint or a limit of Postgres is violated.
FINAL = ("22", "23", "54")


def sqlstate(error: DBAPIError) -> str:
    """Return Postgres' code for an error, or "" for an error of the connection or the driver."""
    return str(getattr(error.orig, "sqlstate", None) or "")


def is_final(error: DBAPIError) -> bool:
    """Whether the same statement would fail again."""
    return sqlstate(error).startswith(FINAL)
