"""The project's worker with additional tasks for tests: `celery -A tests.support.worker worker`."""

from app.worker import celery
from tests.core.tasks import work

__all__ = ["celery", "work"]
