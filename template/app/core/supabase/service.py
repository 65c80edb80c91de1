"""Supabase's own client, set up for a server. The import takes long: see `clients`."""

import httpx
from supabase import AsyncClient, AsyncClientOptions
from supabase_auth.types import AuthChangeEvent, Session


class ServiceClient(AsyncClient):
    """A client that keeps the secret key: it refuses to sign a user in."""

    def _listen_to_auth_events(
        self,
        event: AuthChangeEvent,
        session: Session | None,  # noqa: ARG002 - the client's signature
    ) -> None:
        """Refuse the change that would send a user's token in all later calls.

        Raises:
            RuntimeError: always.
        """
        raise RuntimeError(
            f"The service client was asked to sign a user in or out ({event}): use "
            "`Supabase.as_user(token)`, or sign in on the user's device."
        )


def options(http: httpx.AsyncClient, **headers: str) -> AsyncClientOptions:
    """Return the options of a client that keeps no session."""
    chosen = AsyncClientOptions(auto_refresh_token=False, persist_session=False, httpx_client=http)
    chosen.headers |= headers
    return chosen
