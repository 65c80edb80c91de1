"""The configuration of Celery for Flower."""

from typing import Any

from app.core.settings import CoreSettings


def configuration(_: CoreSettings) -> dict[str, Any]:
    """Let workers send events. Otherwise Flower would ask them to every five seconds."""
    return {"worker_send_task_events": True}
