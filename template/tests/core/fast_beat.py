"""The project's schedules, the heartbeat without a wait: `celery -A tests.core.fast_beat beat`."""

from app.worker import celery

celery.conf.beat_schedule["core.heartbeat"]["schedule"] = 0.1
