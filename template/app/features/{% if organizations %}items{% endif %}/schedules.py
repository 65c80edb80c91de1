"""Schedules that beat starts, by name; each name begins with the name of the feature."""

from celery.schedules import crontab

SCHEDULES = {
    "items.report": {"task": "items.report", "schedule": crontab(hour="6", minute="0")},
}
