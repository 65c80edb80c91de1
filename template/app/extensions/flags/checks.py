"""The check that `app doctor` runs for this feature."""

from collections.abc import Callable

from app.core.cli.errors import CliError, DoubtfulError
from app.core.settings import load_settings
from app.extensions.analytics.service.posthog import has_key
from app.extensions.flags.service.declarations import declared
from app.extensions.flags.service.listing import today
from app.extensions.flags.settings import FlagSettings, Provider


def flags() -> str:
    """Count the flags.

    Raises:
        CliError: PostHog decides, and there is no key for it.
        DoubtfulError: some should be gone.
    """
    if load_settings(FlagSettings).provider is Provider.POSTHOG and not has_key():
        raise CliError("FLAGS_PROVIDER=posthog requires ANALYTICS_KEY: set it, or use local.")
    if expired := [each for each in declared().values() if each.expires <= today()]:
        names = ", ".join(f"{each.name} ({each.owner}, {each.expires})" for each in expired)
        raise DoubtfulError(f"these have expired, remove them from the code: {names}.")
    return f"{len(declared())} declared"


CHECKS: dict[str, Callable[[], str]] = {"flags": flags}
