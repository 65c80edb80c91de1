"""`tests.core.tasks.probe_beat` with a prefix of its own and a lock that does not last long."""

import os

import tests.core.tasks.probe_beat  # noqa: F401 - sets Celery up
from app.worker import celery

celery.conf.update(redbeat_key_prefix=os.environ["PROBE_PREFIX"], redbeat_lock_timeout=2)
