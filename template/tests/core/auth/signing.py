"""A local Supabase with any key set, for the tests of the verifier."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

from devstack.supabase import LocalSupabase
from devstack.supabase.keys import SigningKey

JWKS = "/auth/v1/.well-known/jwks.json"


class KeyServer:
    """Gives access to the keys, and counts how often they are fetched."""

    def __init__(self, supabase: LocalSupabase) -> None:
        self.supabase = supabase
        self.url, self.issuer = supabase.url, supabase.issuer
        self._before = supabase.traffic.calls[JWKS]

    @property
    def keys(self) -> list[SigningKey]:
        """The list of keys; tests change it."""
        return self.supabase.auth.store.keys

    @property
    def fetches(self) -> int:
        """How often the set was fetched since this object was created."""
        return self.supabase.traffic.calls[JWKS] - self._before

    def answer(self, status: int = 200, body: bytes | None = None) -> None:
        """Send another response than the keys; without arguments, send the keys again."""
        self.supabase.traffic.heal()
        if status != 200 or body is not None:
            self.supabase.traffic.fail(JWKS, status, body=body or b"{}")

    def slow_down(self, seconds: float) -> None:
        """Delay every response."""
        self.supabase.traffic.delays[JWKS] = seconds

    def claims(self, **changes: Any) -> dict[str, Any]:
        """Return the claims of a valid token; a change to None removes the claim."""
        changes = {"sub": str(uuid4()), "email": "Ada@Example.com", **changes}
        user = self.supabase.user("ada@example.com")
        return self.supabase.auth.claims(user, str(uuid4()), changes=changes)

    def token(self, **changes: Any) -> str:
        """Return a token that the newest key signed."""
        return self.keys[-1].sign(self.claims(**changes))


@contextmanager
def key_server(supabase: LocalSupabase) -> Iterator[KeyServer]:
    """Yield the key set of a local Supabase, and restore it at the end."""
    kept = list(supabase.auth.store.keys)
    try:
        yield KeyServer(supabase)
    finally:
        supabase.auth.store.keys[:] = kept
        supabase.traffic.heal()
