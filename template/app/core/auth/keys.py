"""The public keys that Supabase Auth signs access tokens with, fetched and kept.

Rules (Supabase documents ten minutes at the edge and as the longest an application may cache):
a set lives `TTL`; an unknown key id forces at most one fetch in `COOLDOWN`; when the endpoint
cannot be reached the old set serves for `STALE` longer; a fetched set replaces the old one, so a
revoked key is gone. One fetch is under way at a time, and while there is no key at all, tries are
`RETRY` apart.
"""

import asyncio
import time

import httpx
from jwt import PyJWK
from jwt.exceptions import PyJWTError

from app.core.errors import UnavailableError
from app.core.logging import get_logger

TTL = 600.0  # seconds
COOLDOWN = 30.0  # seconds
STALE = 3600.0  # seconds
RETRY = 1.0  # seconds
TIMEOUT = 5.0  # seconds

EMPTY = (
    "The project publishes no signing key: make one in the dashboard (JWT keys), or, while it "
    "signs with the legacy secret, set SUPABASE_JWT_SECRET."
)

log = get_logger(__name__)


class KeySet:
    """Keys by id, refreshed from a fixed address; never from an address that a token names."""

    # Those that Supabase signs with. EdDSA is announced there; add it when it is.
    algorithms = frozenset({"ES256", "RS256"})

    def __init__(self, url: str, client: httpx.AsyncClient) -> None:
        self.url = url
        self._client = client
        self._lock = asyncio.Lock()
        self._keys: dict[str, PyJWK] = {}
        self._fetched = -STALE - TTL  # monotonic seconds of the last good fetch
        self._tried = -COOLDOWN  # monotonic seconds of the last fetch, good or not

    def cached(self, kid: str) -> PyJWK | None:
        """Return the key if the set is fresh, without a fetch."""
        fresh = time.monotonic() - self._fetched < TTL
        return self._keys.get(kid) if fresh else None

    async def get(self, kid: str) -> PyJWK | None:
        """Return the key, or None where Supabase does not publish it.

        Raises:
            UnavailableError: the endpoint does not answer and no usable set is kept, or the set is
                empty, as that of a project which still signs with the legacy secret.
        """
        if key := self.cached(kid):
            return key
        await self.refresh()
        if not self._keys or time.monotonic() - self._fetched > TTL + STALE:
            raise UnavailableError(
                "Sign-in cannot be checked at the moment; try again shortly.",
                code="auth_unavailable",
            )
        return self._keys.get(kid)

    async def refresh(self) -> None:
        """Fetch the set unless that was tried within the cooldown; failures are logged."""
        async with self._lock:
            # Whoever waited here finds that the first one has tried.
            if time.monotonic() - self._tried >= COOLDOWN:
                await self._fetch()

    def purge(self) -> None:
        """Forget all keys and fetch at the next token: after a key was revoked."""
        self._keys, self._fetched, self._tried = {}, -STALE - TTL, -COOLDOWN

    async def _fetch(self) -> None:
        self._tried = time.monotonic()
        try:
            answer = await self._client.get(self.url, timeout=TIMEOUT)
            answer.raise_for_status()
            keys = _parse(answer.json())
        except (httpx.HTTPError, ValueError) as error:
            log.error("jwks_unavailable", url=self.url, error=f"{type(error).__name__}: {error}")
            if not self._keys:
                self._tried = time.monotonic() - COOLDOWN + RETRY
            return
        if not keys:
            log.error("jwks_empty", url=self.url, advice=EMPTY)
        self._keys, self._fetched = keys, time.monotonic()


def _parse(document: object) -> dict[str, PyJWK]:
    if not isinstance(document, dict) or not isinstance(document.get("keys"), list):
        raise ValueError("not a JSON Web Key Set")
    keys = {}
    for entry in document["keys"]:
        try:
            key = PyJWK(entry)
        except (PyJWTError, ValueError, TypeError, AttributeError) as error:
            log.warning("jwk_ignored", error=str(error))
            continue
        if key.key_id:
            keys[key.key_id] = key
    return keys
