"""The checks that `app doctor` runs for this feature."""

import asyncio
from collections.abc import Callable

from app.core.cli.errors import CliError, DoubtfulError
from app.core.settings import get_settings, load_settings
from app.extensions.email.settings import EmailSettings
from app.extensions.email.transports import DeliveryError, create_transport


def transport() -> str:
    """Connect to the transport with its credentials, and send nothing.

    Raises:
        CliError: it does not answer or refuses the credentials.
        DoubtfulError: there is none, or it sends nothing to the recipients.
    """
    settings = load_settings(EmailSettings)
    try:
        found = asyncio.run(create_transport(settings).check())
    except DeliveryError as error:
        if settings.transport is None:
            raise DoubtfulError(
                "EMAIL_URL is not set: mails wait, and fail after some hours"
            ) from error
        raise CliError(f"{error} Check EMAIL_URL.") from error
    if get_settings().environment == "production" and settings.sandbox:
        raise DoubtfulError(f"{found}; every mail goes to {settings.sandbox}: see EMAIL_SANDBOX")
    if not get_settings().online:
        return found
    return (
        f"{found}; publish SPF, DKIM and DMARC for {settings.domain}, or mails from it are treated "
        "as spam"
    )


CHECKS: dict[str, Callable[[], str]] = {"e-mail": transport}
