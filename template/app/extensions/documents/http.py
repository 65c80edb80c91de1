"""Requests to services with OpenAI's interface: addresses, keys, tries."""

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
LONGEST_WAIT = 30.0  # seconds that a service may ask us to wait; later, the whole task comes again
_PASSING = frozenset({408, 409, 429, 500, 502, 503, 504})
_backoff = wait_random_exponential(multiplier=0.5, max=8)


def endpoint(base: str, path: str) -> httpx.URL:
    """The address of `path` below `base`; a query of the base, as Azure's, is kept."""
    url = httpx.URL(base)
    return url.copy_with(path=f"{url.path.rstrip('/')}/{path}")


def sign_in(url: httpx.URL, key: SecretStr | None) -> dict[str, str]:
    """Headers with the key; Azure has its own."""
    if key is None:
        return {}
    if url.host.endswith(".azure.com"):
        return {"api-key": key.get_secret_value()}
    return {"Authorization": f"Bearer {key.get_secret_value()}"}


async def post(
    client: httpx.AsyncClient, url: httpx.URL, body: dict[str, Any], headers: dict[str, str]
) -> httpx.Response:
    """Send a request that may be repeated, and repeat it where that may help.

    Raises:
        httpx.HTTPError: no good answer in the end.
    """

    async def ask() -> httpx.Response:
        answer = await client.post(url, json=body, headers=headers)
        return answer.raise_for_status()

    retrying = AsyncRetrying(
        stop=stop_after_attempt(ATTEMPTS),
        wait=_wait,
        retry=retry_if_exception(_may_pass),
        reraise=True,
    )
    return await retrying(ask)


def _may_pass(error: BaseException) -> bool:
    if isinstance(error, httpx.HTTPStatusError):
        return error.response.status_code in _PASSING and _asked_wait(error) <= LONGEST_WAIT
    return isinstance(error, httpx.TransportError)


def _wait(state: RetryCallState) -> float:
    error = state.outcome.exception() if state.outcome else None
    asked = _asked_wait(error) if isinstance(error, httpx.HTTPStatusError) else 0.0
    return asked or _backoff(state)


def _asked_wait(error: httpx.HTTPStatusError) -> float:
    """Seconds of `Retry-After`; a date there is rare, and waited for as for nothing."""
    try:
        return max(0.0, float(error.response.headers.get("retry-after", "")))
    except ValueError:
        return 0.0
