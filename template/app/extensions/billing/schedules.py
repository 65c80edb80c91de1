"""Scheduled tasks; they do nothing without a key."""

from celery.schedules import crontab

SCHEDULES = {
    "billing.reconcile": {
        "task": "billing.start_reconciliation",
        "schedule": crontab(minute="15", hour="4"),
    },
}
