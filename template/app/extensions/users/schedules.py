"""Scheduled tasks."""

from celery.schedules import crontab

SCHEDULES = {
    "users.reconcile": {
        "task": "users.start_reconcile",
        "schedule": crontab(hour="3", minute="17"),
    },
}
