"""Starts Sentry's SDK in a process, if there is a DSN. The SDK is imported only then."""

from collections.abc import Iterator
from contextlib import contextmanager

from app.core.process import Kind
from app.core.settings import get_settings, load_settings
from app.extensions.sentry.settings import SentrySettings


@contextmanager
def run(kind: Kind, _: str | None) -> Iterator[None]:
    """Report until the process ends; then send what is left. Commands report nothing."""
    settings = load_settings(SentrySettings)
    if settings.dsn is None or kind == "command":
        yield
        return
    from app.extensions.sentry import check_ins
    from app.extensions.sentry.setup import initialized

    with initialized(get_settings(), settings):
        check_ins.connect(beat=kind == "beat")
        yield
