"""Days and months, as they begin in CELERY_TIMEZONE."""

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from app.core.database.models import utcnow
from app.core.settings import get_settings


def zone() -> ZoneInfo:
    """The time zone that days and months are counted in."""
    return ZoneInfo(get_settings().celery_timezone)


def today(now: datetime | None = None) -> date:
    """The day of an aware moment, by default of this one."""
    return (now or utcnow()).astimezone(zone()).date()


def month(now: datetime | None = None) -> date:
    """The first day of a moment's month."""
    return today(now).replace(day=1)


def next_month(first: date) -> date:
    """The first day of the month after the one that begins on `first`."""
    return (first + timedelta(days=31)).replace(day=1)


def start_of(day: date) -> datetime:
    """The moment in which a day begins."""
    return datetime.combine(day, time(), zone())


def midnight() -> datetime:
    """When today ends."""
    return start_of(today() + timedelta(days=1))
