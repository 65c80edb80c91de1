"""When the tasks of core run."""

from typing import Any

from app.core.tasks.tasks import HEARTBEAT_SECONDS

SECONDS = {
    "core.heartbeat": HEARTBEAT_SECONDS,
    "core.sweep_tasks": 5,
    "core.delete_old_tasks": 3600,
    "core.delete_leftover_uploads": 3600,
}

# A run that no worker takes in time is useless later, so it expires when the next one starts.
SCHEDULES: dict[str, dict[str, Any]] = {
    name: {"task": name, "schedule": seconds, "options": {"expires": seconds}}
    for name, seconds in SECONDS.items()
}
