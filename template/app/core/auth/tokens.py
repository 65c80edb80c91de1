"""Access tokens of Supabase Auth, verified in this process.

Usually the published keys of the project verify them, see `jwks`; a project that still signs with
its legacy secret says so by `SUPABASE_JWT_SECRET`, and then nothing else is believed. No token is
ever tried both ways.
"""

import base64
import hashlib
import time
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx
import jwt
from cachetools import LRUCache
from jwt import PyJWK

from app.core.auth.keys import KeySet
from app.core.errors import UnauthenticatedError
from app.core.logging import get_logger
from app.core.settings import CoreSettings

AUDIENCE = "authenticated"
ROLE = "authenticated"
LEEWAY = 30  # seconds that the clocks may differ
REQUIRED_CLAIMS = ["exp", "iat", "sub", "aud", "iss"]

# Verified tokens kept per process: one costs about 3 kB, a signature about 0.2 ms.
CACHED_TOKENS = 4096

log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Claims:
    """What a verified token says that this application uses."""

    user_id: UUID
    email: str | None
    assurance: str  # aal1, or aal2 after a second factor
    session_id: str | None
    expires: float  # seconds since the epoch
    is_anonymous: bool = False
    client_id: str | None = None  # of the OAuth client that the user let act


class LegacySecret:
    """The one secret of a project without signing keys, in place of a `KeySet`."""

    algorithms = frozenset({"HS256"})

    def __init__(self, secret: str) -> None:
        encoded = base64.urlsafe_b64encode(secret.encode()).decode().rstrip("=")
        self._key = PyJWK({"kty": "oct", "alg": "HS256", "k": encoded})

    def cached(self, _kid: str) -> PyJWK:
        """Return the secret, whatever a token calls it."""
        return self._key

    async def get(self, _kid: str) -> PyJWK:
        """Return the secret, whatever a token calls it."""
        return self._key

    def purge(self) -> None:
        """Nothing was fetched."""


@dataclass(frozen=True, slots=True)
class _Verified:
    claims: Claims
    kid: str
    key: PyJWK


class TokenVerifier:
    """Verifies tokens, and remembers those that passed."""

    def __init__(self, settings: CoreSettings, client: httpx.AsyncClient) -> None:
        self.issuer = settings.jwt_issuer
        secret = settings.supabase_jwt_secret
        self.keys = (
            LegacySecret(secret.get_secret_value()) if secret else KeySet(settings.jwks_url, client)
        )
        self._seen: LRUCache[bytes, _Verified] = LRUCache(CACHED_TOKENS)

    async def verify(self, token: str) -> Claims:
        """Return the claims of a good token.

        Raises:
            UnauthenticatedError: it is not good; the reason is not told to the caller.
            UnavailableError: no key can be had to check it with.
        """
        digest = hashlib.blake2b(token.encode(), digest_size=16).digest()
        seen = self._seen.get(digest)
        # The same key object proves that the key was not revoked or replaced since.
        if seen and self.keys.cached(seen.kid) is seen.key:
            if time.time() < seen.claims.expires + LEEWAY:
                return seen.claims
            raise _bad_token()
        kid = self._key_id(token)
        key = await self.keys.get(kid)
        if key is None or key.algorithm_name not in self.keys.algorithms:
            raise _bad_token()
        claims = self._claims(token, key)
        self._seen[digest] = _Verified(claims, kid, key)
        return claims

    def purge(self) -> None:
        """Forget every token and every fetched key: the next request verifies anew."""
        self._seen.clear()
        self.keys.purge()

    async def warm_up(self) -> None:
        """Have the keys at hand before the first request, and log at once what is wrong there."""
        if isinstance(self.keys, KeySet):
            await self.keys.refresh()
        else:
            log.warning("legacy_jwt_secret", advice="make a signing key, then unset the secret")

    def _key_id(self, token: str) -> str:
        try:
            header = jwt.get_unverified_header(token)
        except (jwt.PyJWTError, ValueError) as error:
            raise _bad_token() from error
        kid = header.get("kid")
        if kid is None and isinstance(self.keys, LegacySecret):
            kid = ""  # such tokens may lack one
        if header.get("alg") not in self.keys.algorithms or not isinstance(kid, str):
            raise _bad_token()
        return kid

    def _claims(self, token: str, key: PyJWK) -> Claims:
        try:
            payload = jwt.decode(
                token,
                key,
                # The key's algorithm, not the header's: no confusion of the two is possible.
                algorithms=[str(key.algorithm_name)],
                audience=AUDIENCE,
                issuer=self.issuer,
                leeway=LEEWAY,
                options={"require": REQUIRED_CLAIMS},
            )
            return _claims_of(payload)
        except (jwt.PyJWTError, ValueError, TypeError) as error:
            raise _bad_token() from error


def _claims_of(payload: dict[str, Any]) -> Claims:
    """Check what PyJWT does not know of, above all Supabase's role."""
    if payload.get("role") != ROLE:
        raise ValueError("role")
    client_id = payload.get("client_id")
    return Claims(
        user_id=UUID(payload["sub"]),
        email=str(payload["email"]).lower() if payload.get("email") else None,
        assurance=str(payload.get("aal", "aal1")),
        session_id=payload.get("session_id"),
        expires=float(payload["exp"]),
        # Whatever is not plainly "no" is "yes": both only ever take something away.
        is_anonymous=payload.get("is_anonymous") not in (None, False),
        client_id=str(client_id) if client_id is not None else None,
    )


def _bad_token() -> UnauthenticatedError:
    return UnauthenticatedError("The access token is not valid.", code="invalid_token")
