"""Access tokens of Supabase Auth, verified in this process.

The published keys of the project verify them, see `keys`. A project that still signs with its
legacy secret sets `SUPABASE_JWT_SECRET`; then only that secret is accepted. No token is ever tried
both ways.
"""

import hashlib
import time
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx
import jwt
from cachetools import LRUCache
from jwt import PyJWK

from app.core.auth.keys import KeySet, LegacySecret
from app.core.errors import UnauthenticatedError
from app.core.settings import CoreSettings

AUDIENCE = "authenticated"
ROLE = "authenticated"
LEEWAY = 30  # seconds by which clocks may differ
REQUIRED_CLAIMS = ["exp", "iat", "sub", "aud", "iss"]

# Verified tokens that a process keeps: one takes about 3 kB and saves about 0.2 ms.
CACHED_TOKENS = 4096


@dataclass(frozen=True, slots=True)
class Claims:
    """The claims of a verified token that this application uses."""

    user_id: UUID
    email: str | None  # in lower case
    assurance: str  # aal1, or aal2 after a second factor
    session_id: str | None
    expires: float  # seconds since the epoch
    is_anonymous: bool = False
    client_id: str | None = None  # of an OAuth client that acts for the user
    is_machine: bool = False  # a program that acts for no user
    # Of a token that is limited to some routes, see `scopes`; None for a person who signed in.
    scopes: frozenset[str] | None = None


class TokenVerifier:
    """Verifies tokens and keeps the claims of those that passed."""

    def __init__(self, settings: CoreSettings, client: httpx.AsyncClient) -> None:
        self.issuer = settings.jwt_issuer
        self.keys = KeySet(settings.jwks_url, client)
        if secret := settings.supabase_jwt_secret:
            self.keys = LegacySecret(secret.get_secret_value())
        self._verified: LRUCache[bytes, tuple[Claims, PyJWK]] = LRUCache(CACHED_TOKENS)

    async def verify(self, token: str) -> Claims:
        """Return the claims of a valid token.

        Raises:
            UnauthenticatedError: the token is not valid; the caller does not learn the reason.
            UnavailableError: there is no key to verify it with.
        """
        digest = hashlib.blake2b(token.encode(), digest_size=16).digest()
        claims, key = self._verified.get(digest, (None, None))
        # The same key object proves that the key was neither revoked nor replaced.
        if claims and key and self.keys.cached(key.key_id) is key:
            if time.time() < claims.expires + LEEWAY:
                return claims
            raise _invalid_token()
        key = await self.keys.get(self._key_id(token))
        if key is None or key.algorithm_name not in self.keys.algorithms:
            raise _invalid_token()
        claims = self._decode(token, key)
        self._verified[digest] = claims, key
        return claims

    def purge(self) -> None:
        """Forget every token and every fetched key: all tokens are verified again."""
        self._verified.clear()
        self.keys.purge()

    async def warm_up(self) -> None:
        """Fetch the keys before the first request and log at once if that fails."""
        await self.keys.refresh()

    def _key_id(self, token: str) -> str:
        try:
            header = jwt.get_unverified_header(token)
        except (jwt.PyJWTError, ValueError) as error:
            raise _invalid_token() from error
        kid = header.get("kid", self.keys.default_kid)
        if header.get("alg") not in self.keys.algorithms or not isinstance(kid, str):
            raise _invalid_token()
        return kid

    def _decode(self, token: str, key: PyJWK) -> Claims:
        try:
            payload = jwt.decode(
                token,
                key,
                # The algorithm of the key, never that of the header: they cannot be confused.
                algorithms=[str(key.algorithm_name)],
                audience=AUDIENCE,
                issuer=self.issuer,
                leeway=LEEWAY,
                options={"require": REQUIRED_CLAIMS},
            )
            return _claims_of(payload)
        except (jwt.PyJWTError, ValueError, TypeError) as error:
            raise _invalid_token() from error


def _claims_of(payload: dict[str, Any]) -> Claims:
    # PyJWT does not check Supabase's role.
    if payload.get("role") != ROLE:
        raise ValueError("role")
    client_id = payload.get("client_id")
    return Claims(
        user_id=UUID(payload["sub"]),
        email=str(payload["email"]).lower() if payload.get("email") else None,
        assurance=str(payload.get("aal", "aal1")),
        session_id=payload.get("session_id"),
        expires=float(payload["exp"]),
        # Any other value counts as true, because an anonymous user may do less.
        is_anonymous=payload.get("is_anonymous") not in (None, False),
        client_id=str(client_id) if client_id is not None else None,
    )


def _invalid_token() -> UnauthenticatedError:
    return UnauthenticatedError("The access token is not valid.", code="invalid_token")
