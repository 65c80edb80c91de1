"""Records the exception of a request or task that failed."""

from app.core.failures import Failure
from devstack.devpage.recorder.entry import record
from devstack.devpage.recorder.errors import described


def report(failure: Failure) -> None:
    """Record the exception with its place."""
    record("error", **described(failure.error))
