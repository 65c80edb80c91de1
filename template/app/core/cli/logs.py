"""The logs of commands go to standard error: standard output has the result alone."""

from contextlib import suppress

from app.core.settings import SettingsError, get_settings


def configure() -> None:
    """Configure the logs, unless this process has done so, such as one that runs the tests."""
    import structlog  # slow to import, and the completion of a shell does not need it

    from app.core.logging import configure_logging

    # Some commands need no settings. The others report what is missing.
    if not structlog.is_configured():
        with suppress(SettingsError):
            configure_logging(get_settings())
