"""Worker and beat with the tasks of the probe: `celery -A tests.extensions.sentry.probe_worker`.

The schedules are due at once.
"""

from datetime import timedelta

from app.core.database.models import utcnow
from app.worker import celery
from tests.extensions.sentry import probe
from tests.support.measured import measure

__all__ = ["celery", "probe"]

measure()
celery.conf.beat_schedule = {
    name: {
        "task": name.partition("-")[0],
        "schedule": every,
        "kwargs": {"note": "scheduled"},
        "last_run_at": utcnow() - timedelta(hours=1, seconds=1),
    }
    for name, every in {
        "probe.fine": timedelta(hours=1),
        "probe.refuse": timedelta(minutes=5),
        "probe.fine-often": timedelta(seconds=90),
    }.items()
}
