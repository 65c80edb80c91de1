"""Schedules that beat starts, by name; each name begins with the name of the feature."""

from celery.schedules import crontab

SCHEDULES = {
    "organizations.purge": {
        "task": "organizations.purge",
        "schedule": crontab(minute="25", hour="3"),
    },
}
