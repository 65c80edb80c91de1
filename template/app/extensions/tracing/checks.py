"""The check that `app doctor` runs for this feature."""

from collections.abc import Callable

import httpx

from app.core.cli.errors import CliError
from app.core.http_client import client_options
from app.core.settings import load_settings
from app.extensions.tracing.settings import TracingSettings


def receiver() -> str:
    """Send an empty request to the receiver of spans.

    Raises:
        CliError: it does not answer, or refuses the request.
    """
    settings = load_settings(TracingSettings)
    if settings.endpoint is None:
        return "off, because TRACING_ENDPOINT is not set"
    headers = {**settings.plain_headers, "Content-Type": "application/x-protobuf"}
    try:
        with httpx.Client(**client_options(), timeout=5) as client:
            # An empty message of protobuf has no bytes.
            client.post(settings.address, content=b"", headers=headers).raise_for_status()
    except httpx.HTTPStatusError as error:
        raise CliError(
            f"{settings.address} answers {error.response.status_code}. Check TRACING_ENDPOINT and "
            "TRACING_HEADERS."
        ) from error
    except (httpx.HTTPError, UnicodeError) as error:
        raise CliError(
            f"{settings.address} does not answer ({type(error).__name__}). Check TRACING_ENDPOINT."
        ) from error
    return f"{settings.address}, {settings.rate:g} of the traces"


CHECKS: dict[str, Callable[[], str]] = {"tracing": receiver}
