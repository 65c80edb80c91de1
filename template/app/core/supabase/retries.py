"""Tries again what may be asked twice, where the other side was not there for a moment."""

import httpx
from tenacity import (
    AsyncRetrying,
    RetryCallState,
    retry_if_exception_type,
    retry_if_result,
    stop_after_attempt,
    wait_random_exponential,
)

ATTEMPTS = 3
# RFC 9110, section 9.2.2.
IDEMPOTENT = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE"})
PASSING = frozenset({502, 503, 504})
CONNECTION_ERRORS = (httpx.NetworkError, httpx.ConnectTimeout, httpx.RemoteProtocolError)


class Retrying(httpx.AsyncBaseTransport):
    """A transport around another one."""

    def __init__(self, transport: httpx.AsyncBaseTransport) -> None:
        self._transport = transport
        self._retrying = AsyncRetrying(
            stop=stop_after_attempt(ATTEMPTS),
            wait=wait_random_exponential(multiplier=0.2, max=2),
            retry=retry_if_exception_type(CONNECTION_ERRORS)
            | retry_if_result(lambda response: response.status_code in PASSING),
            before_sleep=_let_go,
            retry_error_callback=_last_outcome,
        )

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request; see `httpx.AsyncBaseTransport`."""
        # A body that is read as it is sent cannot be sent again.
        if request.method in IDEMPOTENT and isinstance(request.stream, httpx.ByteStream):
            return await self._retrying(self._transport.handle_async_request, request)
        return await self._transport.handle_async_request(request)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._transport.aclose()


async def _let_go(state: RetryCallState) -> None:
    if state.outcome and not state.outcome.failed:
        await state.outcome.result().aclose()


def _last_outcome(state: RetryCallState) -> httpx.Response:
    assert state.outcome
    response: httpx.Response = state.outcome.result()
    return response
