"""A beat, or a worker, with a schedule that cannot start its task."""

from app.core.tasks.schedules import SCHEDULES

SCHEDULES["core.wrong"] = {"task": "core.heartbeat", "schedule": 60, "args": (10, 20)}

from app.worker import celery  # noqa: E402 - it binds the arguments of the schedules

__all__ = ["celery"]
