"""Two schedules of one task."""

from datetime import timedelta

from tests.devstack.probe.tasks import tick

SCHEDULES = {
    "probe.often": {"task": tick.name, "schedule": timedelta(seconds=1)},
    "probe.rarely": {"task": tick.name, "schedule": timedelta(hours=1)},
}
