"""Supabase's own client, set up for a server. Importing this costs: see `clients`."""

import httpx
from supabase import AsyncClient, AsyncClientOptions
from supabase_auth.types import AuthChangeEvent, Session


class ServiceClient(AsyncClient):
    """The client with the secret key, which stays nobody's."""

    def _listen_to_auth_events(
        self,
        event: AuthChangeEvent,
        session: Session | None,  # noqa: ARG002 - the client's signature
    ) -> None:
        """Refuse what would replace the key by a user's token in all later calls.

        Raises:
            RuntimeError: always.
        """
        raise RuntimeError(
            f"The service client was asked to sign somebody in or out ({event}): use "
            "`Supabase.as_user(token)`, or sign in where the user is."
        )


def options(http: httpx.AsyncClient, **headers: str) -> AsyncClientOptions:
    """Options of a client that keeps no session."""
    chosen = AsyncClientOptions(auto_refresh_token=False, persist_session=False, httpx_client=http)
    chosen.headers |= headers
    return chosen
