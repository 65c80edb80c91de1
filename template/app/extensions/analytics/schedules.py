"""Scheduled tasks; without a key there are none."""

from datetime import timedelta
from typing import Any

from celery.schedules import crontab

from app.core.settings import load_settings
from app.extensions.analytics.settings import AnalyticsSettings

SCHEDULES: dict[str, Any] = {}
if load_settings(AnalyticsSettings).key is not None:
    SCHEDULES = {
        "analytics.flush": {"task": "analytics.flush", "schedule": timedelta(seconds=10)},
        "analytics.forget_deleted": {
            "task": "analytics.forget_deleted",
            "schedule": crontab(minute="23"),
        },
        "analytics.delete_stale": {
            "task": "analytics.delete_stale",
            "schedule": crontab(hour="4", minute="40"),
        },
    }
