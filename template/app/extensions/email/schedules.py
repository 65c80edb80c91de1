"""Scheduled tasks."""

from celery.schedules import crontab

SCHEDULES = {
    "email.delete_old": {"task": "email.delete_old", "schedule": crontab(hour="4", minute="10")},
}
