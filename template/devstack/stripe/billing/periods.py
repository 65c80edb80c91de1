"""Billing periods. A month later means the same day and time of the next month, in UTC."""

import calendar
from datetime import UTC, datetime, timedelta

from devstack.stripe.store import Json

MONTHS = {"month": 1, "year": 12}
DAYS = {"day": 1, "week": 7}


def later(start: int, interval: str, count: int) -> int:
    """Return the time `count` intervals after `start`, both as Unix timestamps.

    If the month has no such day, the last day of the month is taken.
    """
    moment = datetime.fromtimestamp(start, UTC)
    if interval in DAYS:
        return int((moment + timedelta(days=DAYS[interval] * count)).timestamp())
    months = moment.year * 12 + moment.month - 1 + MONTHS[interval] * count
    year, month = divmod(months, 12)
    day = min(moment.day, calendar.monthrange(year, month + 1)[1])
    return int(moment.replace(year=year, month=month + 1, day=day).timestamp())


def period_end(start: int, anchor: int, recurring: Json) -> int:
    """Return the first end of a period after `start`: an interval's multiple after the anchor."""
    interval, size = recurring["interval"], recurring["interval_count"]
    days = {"day": 1, "week": 7, "month": 31, "year": 366}[interval] * size
    # Not above the wanted number, so that only few steps are left.
    count = max(0, (start - anchor) // (days * 86400))
    if start < anchor:
        return anchor
    while (end := later(anchor, interval, size * count)) <= start:
        count += 1
    return end
