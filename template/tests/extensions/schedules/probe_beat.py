"""`tests.core.tasks.probe_beat` with its own prefix and a lock that expires soon."""

import os

import tests.core.tasks.probe_beat  # noqa: F401 - configures Celery
from app.worker import celery

celery.conf.update(redbeat_key_prefix=os.environ["PROBE_PREFIX"], redbeat_lock_timeout=2)
