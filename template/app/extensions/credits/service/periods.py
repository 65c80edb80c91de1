"""Days and months in the time zone CELERY_TIMEZONE."""

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from app.core.database.models import utcnow
from app.core.settings import get_settings


def zone() -> ZoneInfo:
    """The time zone of days and months."""
    return ZoneInfo(get_settings().celery_timezone)


def today(now: datetime | None = None) -> date:
    """The day of an aware time, by default of the current time."""
    return (now or utcnow()).astimezone(zone()).date()


def month(now: datetime | None = None) -> date:
    """The first day of the month of an aware time, by default of the current time."""
    return today(now).replace(day=1)


def next_month(first: date) -> date:
    """The first day of the month after the one that starts on `first`."""
    return (first + timedelta(days=31)).replace(day=1)


def start_of(day: date) -> datetime:
    """The time at which a day starts."""
    return datetime.combine(day, time(), zone())


def midnight() -> datetime:
    """The time at which today ends."""
    return start_of(today() + timedelta(days=1))
