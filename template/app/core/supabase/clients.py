"""The clients of the Supabase project: one set for each process, closed with it."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Self, TypeVar

import httpx
from fastapi import Depends, Request
from httpx_retries import Retry, RetryTransport

from app.core.errors import UnavailableError
from app.core.http_client import authorities
from app.core.settings import CoreSettings, get_settings

if TYPE_CHECKING:
    from supabase import AsyncClient

Result = TypeVar("Result")

TIMEOUT = httpx.Timeout(20.0, connect=5.0)  # seconds
# For idempotent methods only. A ReadTimeout is not retried: three of them would take a minute.
RETRY = Retry(
    total=2,
    backoff_factor=0.2,
    max_backoff_wait=2.0,
    status_forcelist=(502, 503, 504),
    retry_on_exceptions=(httpx.NetworkError, httpx.ConnectTimeout, httpx.RemoteProtocolError),
)


class IdempotentRetries(RetryTransport):
    """Retries by `RETRY`, except where a body is read while it is sent: it cannot be sent again."""

    def __init__(self, transport: httpx.AsyncBaseTransport) -> None:
        super().__init__(transport, RETRY)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """See `httpx.AsyncBaseTransport`."""
        if not isinstance(request.stream, httpx.ByteStream):
            request.extensions["retry"] = Retry(total=0)
        return await super().handle_async_request(request)


class Supabase:
    """The project, and the clients of it.

    Each client is created at its first use: most processes never need Supabase's own client, whose
    import takes a third of a second.
    """

    def __init__(self, settings: CoreSettings) -> None:
        self.settings = settings
        self.url = settings.supabase_url.rstrip("/")

    @cached_property
    def http(self) -> httpx.AsyncClient:
        """The connections that all clients share; idempotent requests are retried.

        Redirects are not followed, because they would carry the key to another host.
        """
        transport = IdempotentRetries(httpx.AsyncHTTPTransport(verify=authorities()))
        return httpx.AsyncClient(transport=transport, timeout=TIMEOUT)

    @cached_property
    def secret_headers(self) -> dict[str, str]:
        """Headers of the backend's own requests, which bypass row level security."""
        key = self.settings.supabase_secret_key.get_secret_value()
        return {"apikey": key, "Authorization": f"Bearer {key}"}

    def user_headers(self, token: str) -> dict[str, str]:
        """Return the headers of a request on behalf of a user."""
        return {
            "apikey": self.settings.supabase_publishable_key,
            "Authorization": f"Bearer {token}",
        }

    @cached_property
    def service(self) -> "AsyncClient":
        """Supabase's client with the secret key: tables, functions, storage, `auth.admin`.

        It refuses to sign a user in, because all its later requests would be those of that user.
        """
        from app.core.supabase.service import ServiceClient, options

        key = self.settings.supabase_secret_key.get_secret_value()
        return ServiceClient(self.url, key, options(self.http))

    def as_user(self, token: str) -> "AsyncClient":
        """Create a client with the rights of the user of an access token.

        It serves one request or task and costs little, because the connections are shared.
        """
        from supabase import AsyncClient

        from app.core.supabase.service import options

        own = options(self.http, Authorization=f"Bearer {token}")
        return AsyncClient(self.url, self.settings.supabase_publishable_key, own)

    async def aclose(self) -> None:
        """Close the connections, if there are any."""
        if "http" in self.__dict__:
            await self.http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()


@contextmanager
def translate_failures(service: str, code: str) -> Iterator[None]:
    """Raise UnavailableError with this code if a service does not answer as it should."""
    try:
        yield
    except (httpx.HTTPError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise UnavailableError(
            f"{service} does not answer as it should; try again shortly.", code=code
        ) from error


def supabase_of(request: Request) -> Supabase:
    """Return the Supabase project of the running API."""
    supabase: Supabase = request.app.state.supabase
    return supabase


SupabaseProject = Annotated[Supabase, Depends(supabase_of)]


def with_supabase(work: Callable[[Supabase], Awaitable[Result]]) -> Result:
    """Run async work with its own clients and return its result.

    For tasks and the command line, where no event loop runs.
    """

    async def run() -> Result:
        async with Supabase(get_settings()) as supabase:
            return await work(supabase)

    return asyncio.run(run())
