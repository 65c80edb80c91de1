"""The schedules of this feature; their names start with the feature's name."""

from celery.schedules import crontab

SCHEDULES = {
    # Every hour instead of monthly: a later run allocates what an earlier one missed.
    "credits.allocate": {"task": "credits.allocate", "schedule": crontab(minute="5")},
    "credits.expire_holds": {
        "task": "credits.expire_holds",
        "schedule": crontab(minute="20", hour="*/3"),
    },
    "credits.settle_charges": {
        "task": "credits.settle_charges",
        "schedule": crontab(minute="*/15"),
    },
    "credits.mirror": {"task": "credits.start_mirror", "schedule": crontab(minute="*/10")},
    "credits.verify": {"task": "credits.verify", "schedule": crontab(minute="40", hour="3")},
}
