"""Beat with schedules that come very often: `celery -A tests.core.tasks.fast_beat beat`."""

from app.core.tasks.schedules import SCHEDULES
from tests.core.tasks import work  # noqa: F401 - declares the task

SCHEDULES["core.heartbeat"]["schedule"] = 0.1
SCHEDULES["core.count"] = {"task": "work.count", "schedule": 0.5, "args": (1,)}

from app.worker import celery  # noqa: E402 - it binds the arguments of the schedules

__all__ = ["celery"]
