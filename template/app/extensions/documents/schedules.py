"""What beat starts, by name; the feature's name stands in front."""

from datetime import timedelta

SCHEDULES = {
    "documents.sweep": {"task": "documents.sweep", "schedule": timedelta(minutes=2)},
}
