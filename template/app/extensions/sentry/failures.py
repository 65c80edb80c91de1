"""Reports failures to Sentry, if there is a DSN."""

from app.core.failures import Failure
from app.core.settings import load_settings
from app.extensions.sentry.settings import SentrySettings


def report(failure: Failure) -> None:
    """Send one event; nothing waits for it."""
    if load_settings(SentrySettings).dsn is not None:
        from app.extensions.sentry.setup import capture

        capture(failure)
