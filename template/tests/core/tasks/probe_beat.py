"""The beat of the project with the schedules of a test.

    PROBE='{"core.a": 0.2}' celery -A tests.core.tasks.probe_beat beat

PROBE holds intervals in seconds by name. Each schedule sends to a queue with its name, which no
worker reads: its length is the number of starts.
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
