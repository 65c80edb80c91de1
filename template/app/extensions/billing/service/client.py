"""Requests to Stripe.

The version of the API is fixed here, so that an update of the library changes no answer.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx
import stripe

from app.core.http_client import client_options
from app.core.logging import get_logger
from app.core.settings import load_settings
from app.extensions.billing.errors import (
    NotSetUpError,
    StripeRefusedError,
    StripeUnavailableError,
)
from app.extensions.billing.settings import BillingSettings

VERSION = "2026-10-28.endive"
# The library repeats a request that has failed, was limited (429), or meets an earlier one with its
# idempotency key (409). Each POST has such a key, so it happens once.
RETRIES = 3
TOO_MANY = 429
TROUBLE = (stripe.APIConnectionError, stripe.APIError)

log = get_logger(__name__)

# It writes two lines for each request, with addresses and ids of customers.
logging.getLogger("stripe").setLevel(logging.WARNING)


class _Transport(stripe.HTTPClient):
    """The library's own client for httpx reads the CAs again for each instance."""

    name = "httpx"

    def __init__(self, client: httpx.AsyncClient) -> None:
        super().__init__()
        self._client = client

    async def request_async(
        self, method: str, url: str, headers: Mapping[str, str], post_data: Any = None
    ) -> tuple[bytes, int, Mapping[str, str]]:
        """Send a request."""
        try:
            answer = await self._client.request(
                method, url, headers=dict(headers), content=post_data or b""
            )
        except httpx.HTTPError as error:
            reason = f"Stripe does not answer ({type(error).__name__})"
            raise stripe.APIConnectionError(reason, should_retry=True) from error  # type: ignore[no-untyped-call]  # the library's
        return answer.content, answer.status_code, answer.headers

    async def sleep_async(self, secs: float) -> None:
        """Wait before the next try."""
        await asyncio.sleep(secs)


@asynccontextmanager
async def stripe_client() -> AsyncIterator[stripe.StripeClient]:
    """Open a client, and turn its errors into ours. Hold no transaction meanwhile.

    Raises:
        NotSetUpError: there is no key.
        StripeUnavailableError: Stripe does not answer, has trouble, or limits requests.
        StripeRefusedError: a card or another means of payment is refused.
        stripe.StripeError: every other refusal, which is a mistake of ours.
    """
    settings = load_settings(BillingSettings)
    if settings.stripe_key is None:
        raise NotSetUpError
    options = {**client_options(), "timeout": settings.timeout_seconds}
    async with httpx.AsyncClient(**options) as client:
        try:
            yield stripe.StripeClient(
                settings.stripe_key.get_secret_value(),
                stripe_version=VERSION,
                base_addresses={"api": settings.stripe_url.rstrip("/")},
                http_client=_Transport(client),
                max_network_retries=RETRIES,
            )
        except stripe.CardError as error:
            text = error.user_message or "The payment was refused."
            raise StripeRefusedError(text, reason=error.code) from error
        except stripe.StripeError as error:
            facts = {"reason": str(error)[:200], "status": error.http_status, "code": error.code}
            if isinstance(error, TROUBLE) or error.http_status == TOO_MANY:
                log.warning("stripe_unavailable", **facts)
                raise StripeUnavailableError from error
            log.error("stripe_refused", **facts, request=error.request_id)
            raise


def is_missing(error: stripe.StripeError) -> bool:
    """Return whether Stripe does not know the object."""
    return error.code == "resource_missing"


def id_of(reference: Any) -> str | None:
    """Return the id of something that Stripe answers as an id or as an object."""
    if reference is None or isinstance(reference, str):
        return reference
    return str(reference.id)


def metadata_of(item: Any) -> dict[str, str]:
    """Return the metadata of an object; that of the library is no dictionary."""
    found = getattr(item, "metadata", None)  # what was deleted has none
    return found.to_dict() if found else {}
