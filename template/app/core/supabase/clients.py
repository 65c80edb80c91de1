"""The ways to the Supabase project: one for each process, closed with it."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Self, TypeVar

import httpx
from fastapi import Depends, Request

from app.core.http_client import authorities
from app.core.settings import CoreSettings, get_settings

if TYPE_CHECKING:
    from supabase import AsyncClient

Result = TypeVar("Result")

TIMEOUT = httpx.Timeout(20.0, connect=5.0)  # seconds


class Supabase:
    """The project, and the clients of it.

    Everything is made when first used: most processes never need Supabase's own client, whose
    import takes a third of a second.
    """

    def __init__(self, settings: CoreSettings) -> None:
        self.settings = settings
        self.url = settings.supabase_url.rstrip("/")

    @cached_property
    def http(self) -> httpx.AsyncClient:
        """The connections that all clients share; requests that may be repeated are."""
        from app.core.supabase.retries import Retrying

        # No redirects: they would carry the key to another place.
        transport = Retrying(httpx.AsyncHTTPTransport(verify=authorities()))
        return httpx.AsyncClient(transport=transport, timeout=TIMEOUT)

    @cached_property
    def secret_headers(self) -> dict[str, str]:
        """What the backend itself sends; it passes row level security."""
        key = self.settings.supabase_secret_key.get_secret_value()
        return {"apikey": key, "Authorization": f"Bearer {key}"}

    def user_headers(self, token: str) -> dict[str, str]:
        """What is sent on behalf of a user."""
        return {
            "apikey": self.settings.supabase_publishable_key,
            "Authorization": f"Bearer {token}",
        }

    @cached_property
    def service(self) -> "AsyncClient":
        """Supabase's client with the secret key: tables, functions, storage, `auth.admin`.

        It never signs a user in: from then on it would act as that user, for everybody. It refuses.
        """
        from app.core.supabase.service import ServiceClient, options

        key = self.settings.supabase_secret_key.get_secret_value()
        return ServiceClient(self.url, key, options(self.http))

    def as_user(self, token: str) -> "AsyncClient":
        """Make a client that may do what the user of an access token may.

        For one request or task: it is cheap, since the connections are shared.
        """
        from supabase import AsyncClient

        from app.core.supabase.service import options

        own = options(self.http, Authorization=f"Bearer {token}")
        return AsyncClient(self.url, self.settings.supabase_publishable_key, own)

    async def aclose(self) -> None:
        """Close the connections, if any were made."""
        if "http" in self.__dict__:
            await self.http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()


def supabase_of(request: Request) -> Supabase:
    """The one of the running API."""
    supabase: Supabase = request.app.state.supabase
    return supabase


SupabaseProject = Annotated[Supabase, Depends(supabase_of)]


def with_supabase(work: Callable[[Supabase], Awaitable[Result]]) -> Result:
    """Run async work with clients of its own and return what it returns.

    For tasks and the command line, where no event loop runs.
    """

    async def run() -> Result:
        async with Supabase(get_settings()) as supabase:
            return await work(supabase)

    return asyncio.run(run())
