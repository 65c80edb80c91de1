"""The schedules of this feature; their names start with the feature's name."""

from datetime import timedelta

SCHEDULES = {
    "documents.sweep": {"task": "documents.sweep", "schedule": timedelta(minutes=2)},
}
