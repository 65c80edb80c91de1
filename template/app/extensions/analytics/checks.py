"""The check that `app doctor` runs for this feature."""

from collections.abc import Callable

import httpx

from app.core.cli.errors import CliError, DoubtfulError
from app.core.http_client import client_options
from app.core.settings import load_settings
from app.extensions.analytics.service.posthog import flags_request
from app.extensions.analytics.settings import AnalyticsSettings


def receiver() -> str:
    """Ask PostHog for the flags of nobody, which needs the key and stores nothing.

    Raises:
        CliError: PostHog does not answer, or refuses the key.
        DoubtfulError: persons cannot be deleted there.
    """
    settings = load_settings(AnalyticsSettings)
    if settings.key is None:
        return "off, because ANALYTICS_KEY is not set"
    url, body = flags_request("nobody", {})
    try:
        with httpx.Client(**client_options(), timeout=5) as client:
            client.post(url, json=body).raise_for_status()
    except httpx.HTTPStatusError as error:
        raise CliError(
            f"{settings.host} answers {error.response.status_code}. Check ANALYTICS_KEY and "
            "ANALYTICS_HOST."
        ) from error
    except (httpx.HTTPError, UnicodeError) as error:
        raise CliError(
            f"{settings.host} does not answer ({type(error).__name__}). Check ANALYTICS_HOST."
        ) from error
    if settings.personal_key is None or settings.project is None:
        raise DoubtfulError(
            "persons cannot be deleted with their accounts: set ANALYTICS_PERSONAL_KEY and "
            "ANALYTICS_PROJECT."
        )
    return f"{settings.host}, with the consent of users"


CHECKS: dict[str, Callable[[], str]] = {"analytics": receiver}
