"""Requests to services with OpenAI's API: URLs, keys, retries.

OpenAI's package is not used, because only two endpoints are called.
"""

from typing import Any

import httpx
from pydantic import SecretStr
from tenacity import (
    AsyncRetrying,
    RetryCallState,
    retry_if_exception,
    stop_after_attempt,
    wait_random_exponential,
)

TIMEOUT = httpx.Timeout(60.0, connect=5.0)  # seconds
ATTEMPTS = 4
# Seconds. If a service asks for a longer wait, the request fails and the whole task is retried.
MAX_WAIT = 30.0
_TRANSIENT = frozenset({408, 409, 429, 500, 502, 503, 504})
_backoff = wait_random_exponential(multiplier=0.5, max=8)


def endpoint(base: str, path: str) -> httpx.URL:
    """Return the URL of `path` below `base`; the query of the base, which Azure needs, is kept."""
    url = httpx.URL(base)
    return url.copy_with(path=f"{url.path.rstrip('/')}/{path}")


def auth_headers(url: httpx.URL, key: SecretStr | None) -> dict[str, str]:
    """Return the headers with the key; Azure has its own header."""
    if key is None:
        return {}
    if url.host.endswith(".azure.com"):
        return {"api-key": key.get_secret_value()}
    return {"Authorization": f"Bearer {key.get_secret_value()}"}


async def post(
    client: httpx.AsyncClient, url: httpx.URL, body: dict[str, Any], headers: dict[str, str]
) -> httpx.Response:
    """Send an idempotent request, and repeat it after transient errors.

    Raises:
        httpx.HTTPError: the last attempt failed.
    """

    async def send() -> httpx.Response:
        response = await client.post(url, json=body, headers=headers)
        return response.raise_for_status()

    retrying = AsyncRetrying(
        stop=stop_after_attempt(ATTEMPTS),
        wait=_wait,
        retry=retry_if_exception(_is_transient),
        reraise=True,
    )
    return await retrying(send)


def _is_transient(error: BaseException) -> bool:
    if isinstance(error, httpx.HTTPStatusError):
        return error.response.status_code in _TRANSIENT and _retry_after(error) <= MAX_WAIT
    return isinstance(error, httpx.TransportError)


def _wait(state: RetryCallState) -> float:
    error = state.outcome.exception() if state.outcome else None
    asked = _retry_after(error) if isinstance(error, httpx.HTTPStatusError) else 0.0
    return asked or _backoff(state)


def _retry_after(error: httpx.HTTPStatusError) -> float:
    """Return the seconds in `Retry-After`; a date there, which is rare, counts as 0."""
    try:
        return max(0.0, float(error.response.headers.get("retry-after", "")))
    except ValueError:
        return 0.0
