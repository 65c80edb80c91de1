"""A worker for the tasks of `work`, with short delays before a retry.

Its command is `celery -A tests.extensions.credits.work_worker worker`.
"""

from app.core.tasks import records
from tests.extensions.credits.work import celery as celery

records.FIRST_DELAY = 0.2
