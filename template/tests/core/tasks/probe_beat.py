"""The scheduler of a deployment with schedules of a test's own.

    PROBE='{"core.a": 0.2}' celery -A tests.core.tasks.probe_beat beat

Each name has its interval in seconds, and a queue of that name, which nobody empties: its length is
how often the task was started. Without a scheduler of its own, beat takes the project's.
"""

import json
import os

from app.worker import celery

celery.conf.update(
    beat_max_loop_interval=0.1,
    beat_schedule={
        name: {"task": "core.heartbeat", "schedule": seconds, "options": {"queue": name}}
        for name, seconds in json.loads(os.environ["PROBE"]).items()
    },
)
