"""When the machinery's own tasks run."""

from typing import Any

from app.core.tasks.heartbeat import HEARTBEAT_SECONDS

SWEEP_SECONDS = 5

# A start that was missed while no worker ran is of no use later, so each expires with the next one.
SCHEDULES: dict[str, dict[str, Any]] = {
    "core.heartbeat": {
        "task": "core.heartbeat",
        "schedule": HEARTBEAT_SECONDS,
        "options": {"expires": HEARTBEAT_SECONDS},
    },
    "core.sweep_tasks": {
        "task": "core.sweep_tasks",
        "schedule": SWEEP_SECONDS,
        "options": {"expires": SWEEP_SECONDS},
    },
    "core.forget_tasks": {
        "task": "core.forget_tasks",
        "schedule": 3600,
        "options": {"expires": 3600},
    },
}
