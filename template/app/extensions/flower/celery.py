"""How Celery is set up for Flower."""

from typing import Any

from app.core.settings import CoreSettings


def configuration(_: CoreSettings) -> dict[str, Any]:
    """Workers tell what they do by themselves: Flower need not ask them to every five seconds."""
    return {"worker_send_task_events": True}
