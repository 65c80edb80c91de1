"""A local Supabase whose key set can be anything, for the tests of what verifies tokens."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

from devstack.supabase import LocalSupabase
from devstack.supabase.keys import SigningKey

JWKS = "/auth/v1/.well-known/jwks.json"


class KeyServer:
    """Its keys at hand, and how often they were asked for."""

    def __init__(self, supabase: LocalSupabase) -> None:
        self.supabase = supabase
        self.url, self.issuer = supabase.url, supabase.issuer
        self._before = supabase.traffic.calls[JWKS]

    @property
    def keys(self) -> list[SigningKey]:
        """The keys, published unless revoked; the list itself, to be changed."""
        return self.supabase.auth.store.keys

    @property
    def fetches(self) -> int:
        """How often the set was asked for since this was made."""
        return self.supabase.traffic.calls[JWKS] - self._before

    def answer(self, status: int = 200, body: bytes | None = None) -> None:
        """Answer something else than the keys, or by default the keys again."""
        self.supabase.traffic.heal()
        if status != 200 or body is not None:
            self.supabase.traffic.fail(JWKS, status, body=body or b"{}")

    def slow_down(self, seconds: float) -> None:
        """Let every answer wait."""
        self.supabase.traffic.delays[JWKS] = seconds

    def claims(self, **changes: Any) -> dict[str, Any]:
        """The claims of a good token; a change to None leaves the claim out."""
        changes = {"sub": str(uuid4()), "email": "Ada@Example.com", **changes}
        user = self.supabase.user("ada@example.com")
        return self.supabase.auth.claims(user, str(uuid4()), changes=changes)

    def token(self, **changes: Any) -> str:
        """A token signed by the newest key."""
        return self.keys[-1].sign(self.claims(**changes))


@contextmanager
def key_server(supabase: LocalSupabase) -> Iterator[KeyServer]:
    """The key set of a local Supabase, which is put right again at the end."""
    kept = list(supabase.auth.store.keys)
    try:
        yield KeyServer(supabase)
    finally:
        supabase.auth.store.keys[:] = kept
        supabase.traffic.heal()
