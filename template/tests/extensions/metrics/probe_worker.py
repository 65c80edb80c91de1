"""A worker with the tasks of the probe: `celery -A tests.extensions.metrics.probe_worker`."""

from app.worker import celery
from tests.extensions.metrics import probe
from tests.support.measured import measure

__all__ = ["celery", "probe"]

measure()
