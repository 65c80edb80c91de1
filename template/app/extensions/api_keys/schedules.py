"""The schedules of this feature; their names start with the feature's name."""

from celery.schedules import crontab

SCHEDULES = {
    "api_keys.delete_old": {
        "task": "api_keys.delete_old",
        "schedule": crontab(minute="50", hour="3"),
    },
}
