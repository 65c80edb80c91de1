"""Scheduled tasks."""

from celery.schedules import crontab

SCHEDULES = {
    "credits_email.report_low_balances": {
        "task": "credits_email.report_low_balances",
        "schedule": crontab(minute="30", hour="8"),
    },
    "credits_email.report_usage": {
        "task": "credits_email.report_usage",
        "schedule": crontab(minute="0", hour="8", day_of_week="monday"),
    },
}
