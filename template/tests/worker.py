"""The worker of the project with the tasks of the tests: `celery -A tests.worker worker`."""

from app.worker import celery
from tests.core.tasks import work

__all__ = ["celery", "work"]
