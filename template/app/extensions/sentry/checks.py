"""The check that `app doctor` runs for this feature."""

from collections.abc import Callable

import httpx

from app.core.cli.errors import CliError
from app.core.http_client import client_options
from app.core.settings import load_settings
from app.extensions.sentry.settings import SentrySettings


def receiver() -> str:
    """Send an envelope without an event, which Sentry accepts and drops.

    Raises:
        CliError: Sentry does not answer, or refuses the key.
    """
    settings = load_settings(SentrySettings)
    if settings.dsn is None:
        return "off, because SENTRY_DSN is not set"
    auth = f"Sentry sentry_version=7, sentry_key={settings.key}"
    headers = {"X-Sentry-Auth": auth, "Content-Type": "application/x-sentry-envelope"}
    try:
        with httpx.Client(**client_options(), timeout=5) as client:
            client.post(settings.address, content=b"{}\n", headers=headers).raise_for_status()
    except httpx.HTTPStatusError as error:
        raise CliError(
            f"{settings.address} answers {error.response.status_code}. Check SENTRY_DSN."
        ) from error
    except httpx.HTTPError as error:
        raise CliError(
            f"{settings.address} does not answer ({type(error).__name__}). Check SENTRY_DSN."
        ) from error
    return f"{settings.address}, {settings.sample_rate:g} of the failures"


CHECKS: dict[str, Callable[[], str]] = {"sentry": receiver}
