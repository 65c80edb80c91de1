"""The project's worker with additional tasks for tests: `celery -A tests.support.worker worker`."""

from app.worker import celery
from tests.core.tasks import work
from tests.support.measured import measure

__all__ = ["celery", "work"]

measure()
