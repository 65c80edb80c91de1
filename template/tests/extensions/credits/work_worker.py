"""A worker for the tasks of `work`, which tries again soon: `celery -A …credits.work_worker`."""

from app.core.tasks import records
from tests.extensions.credits.work import celery as celery

records.FIRST_DELAY = 0.2
