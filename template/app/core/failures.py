"""Failures that somebody must look at: requests that end with 5xx, and tasks that failed for good.

Errors of callers (4xx) and runs that are tried again are none.
"""

from typing import Literal, NamedTuple

from app.core.features import load
from app.core.logging import get_logger

log = get_logger(__name__)


class Failure(NamedTuple):
    """One failure."""

    kind: Literal["request", "task"]
    place: str  # the method and the path of the route, or the name of the task
    feature: str | None
    error: BaseException
    task_id: str | None = None


def report(failure: Failure) -> None:
    """Tell every feature with a `failures.py`. It never raises, because it runs after an error."""
    try:
        for _, tell in load("failures"):
            tell(failure)
    except Exception:
        log.warning("failure_not_reported", exc_info=True)
