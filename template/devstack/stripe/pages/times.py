"""Times for people."""

from datetime import UTC, datetime


def day(moment: int) -> str:
    """Return the day of a Unix timestamp, such as `1 March 2026`."""
    found = datetime.fromtimestamp(moment, UTC)
    return f"{found.day} {found.strftime('%B %Y')}"


def exact(moment: int) -> str:
    """Return day and time of a Unix timestamp, in UTC."""
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%d %H:%M:%S")
