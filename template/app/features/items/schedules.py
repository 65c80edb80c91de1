"""What beat starts, by name; the feature's name stands in front."""

from celery.schedules import crontab

SCHEDULES = {
    "items.report": {"task": "items.report", "schedule": crontab(hour="6", minute="0")},
}
