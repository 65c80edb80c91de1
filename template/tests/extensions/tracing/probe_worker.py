"""Worker and beat with the tasks: `celery -A tests.extensions.tracing.probe_worker`."""

from app.worker import celery
from tests.extensions.tracing import probe
from tests.support.measured import measure

__all__ = ["celery", "probe"]

measure()
celery.conf.beat_schedule = {
    name: {"task": name, "schedule": 0.2, "kwargs": {"note": "tick"} if "probe" in name else {}}
    for name in ("probe.second", "core.heartbeat")
}
