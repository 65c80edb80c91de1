"""Beat with a heartbeat every 0.1 seconds: `celery -A tests.core.tasks.fast_beat beat`."""

from app.worker import celery

celery.conf.beat_schedule["core.heartbeat"]["schedule"] = 0.1
