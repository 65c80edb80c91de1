"""The public keys with which Supabase Auth signs access tokens, fetched and kept.

PyJWT's `PyJWKClient` is not used, because it blocks the event loop. Supabase caches the set for ten
minutes at its edge, which is also the longest time that an application may cache it. A set lives
for `TTL`. An unknown key id causes at most one fetch in `COOLDOWN`. When the endpoint cannot be
reached, the old set serves for `STALE` longer. A fetched set replaces the old one, so a revoked key
is gone. Fetches never overlap; while there is no key at all, they are `RETRY` apart.
"""

import asyncio
import base64
import time

import httpx
from jwt import PyJWK, PyJWKSet
from jwt.exceptions import PyJWKSetError

from app.core.errors import UnavailableError
from app.core.logging import get_logger

TTL = 600.0  # seconds
COOLDOWN = 30.0  # seconds
STALE = 3600.0  # seconds
RETRY = 1.0  # seconds
TIMEOUT = 5.0  # seconds

EMPTY = (
    "The project publishes no signing key: create one in the dashboard (JWT keys). While the "
    "project signs with the legacy secret, set SUPABASE_JWT_SECRET."
)

log = get_logger(__name__)


class KeySet:
    """Keys by id, fetched from a fixed address and never from an address in a token."""

    # Supabase signs with these. It has announced EdDSA: add it when Supabase offers it.
    algorithms: tuple[str, ...] = ("ES256", "RS256")
    default_kid: str | None = None  # a token must name its key

    def __init__(self, url: str, client: httpx.AsyncClient) -> None:
        self.url = url
        self._client = client
        self._lock = asyncio.Lock()
        self.purge()

    def purge(self) -> None:
        """Forget all keys and fetch them for the next token: for use after a key was revoked."""
        self._keys: dict[str, PyJWK] = {}
        self._fetched = -STALE - TTL  # monotonic seconds of the last successful fetch
        self._tried = -COOLDOWN  # monotonic seconds of the last fetch

    def cached(self, kid: str | None) -> PyJWK | None:
        """Return the key if the set is fresh, without a fetch."""
        fresh = time.monotonic() - self._fetched < TTL
        return self._keys.get(kid) if fresh and kid else None

    async def get(self, kid: str) -> PyJWK | None:
        """Return the key, or None if Supabase does not publish it.

        Raises:
            UnavailableError: there is no usable set, because the endpoint does not answer or the
                set is empty, as for a project that still signs with the legacy secret.
        """
        if key := self.cached(kid):
            return key
        await self.refresh()
        if not self._keys or time.monotonic() - self._fetched > TTL + STALE:
            raise UnavailableError(
                "Access tokens cannot be verified at the moment; try again shortly.",
                code="auth_unavailable",
            )
        return self._keys.get(kid)

    async def refresh(self) -> None:
        """Fetch the set unless that was tried within the cooldown; failures are logged."""
        async with self._lock:
            if time.monotonic() - self._tried >= COOLDOWN:
                await self._fetch()

    async def _fetch(self) -> None:
        self._tried = time.monotonic()
        try:
            response = await self._client.get(self.url, timeout=TIMEOUT)
            response.raise_for_status()
            keys = _parse(response.json())
        except (httpx.HTTPError, ValueError) as error:
            log.error("jwks_unavailable", url=self.url, error=f"{type(error).__name__}: {error}")
            if not self._keys:
                self._tried = time.monotonic() - COOLDOWN + RETRY
            return
        if not keys:
            log.error("jwks_empty", url=self.url, advice=EMPTY)
        self._keys, self._fetched = keys, time.monotonic()


class LegacySecret(KeySet):
    """The secret of a project without signing keys, in place of fetched keys."""

    algorithms = ("HS256",)
    default_kid = ""  # such tokens may name no key

    def __init__(self, secret: str) -> None:
        encoded = base64.urlsafe_b64encode(secret.encode()).decode().rstrip("=")
        self._key = PyJWK({"kty": "oct", "alg": "HS256", "k": encoded})

    def cached(self, kid: str | None) -> PyJWK | None:  # noqa: ARG002
        """Return the secret, which is never fetched."""
        return self._key

    async def refresh(self) -> None:
        """Fetch nothing; warn in the log that a signing key is better."""
        log.warning("legacy_jwt_secret", advice="create a signing key, then unset the secret")


def _parse(document: object) -> dict[str, PyJWK]:
    if not isinstance(document, dict) or not isinstance(document.get("keys"), list):
        raise ValueError("not a JSON Web Key Set")
    try:
        keys = PyJWKSet(document["keys"])
    except PyJWKSetError:
        return {}  # no key, or none that PyJWT can use
    return {key.key_id: key for key in keys if isinstance(key.key_id, str)}
