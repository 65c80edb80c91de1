"""Access tokens of Supabase Auth, verified in this process.

The local key set answers for signature and time; who the user is in *this* application (role,
status) is the table's business, see `app.features.users`.
"""

import hashlib
import time
from dataclasses import dataclass
from typing import Annotated, Any
from uuid import UUID

import httpx
import jwt
from cachetools import LRUCache
from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from jwt import PyJWK

from app.core import context
from app.core.errors import UnauthenticatedError
from app.core.jwks import KeySet
from app.core.settings import CoreSettings

ALGORITHMS = frozenset({"ES256", "RS256"})
AUDIENCE = "authenticated"
ROLE = "authenticated"
LEEWAY = 30  # seconds that the clocks may differ
REQUIRED_CLAIMS = ["exp", "iat", "sub", "aud", "iss"]

# Verified tokens kept per process: one costs about 3 kB, a signature about 0.2 ms.
CACHED_TOKENS = 4096

# OpenAPI allows no spaces in it.
BEARER = "SupabaseAccessToken"

bearer = HTTPBearer(
    auto_error=False,
    bearerFormat="JWT",
    scheme_name=BEARER,
    description="An access token of Supabase Auth. Locally: sign in on the page of the local "
    "Supabase that `uv run app dev` prints, or run `uv run app token`.",
)


@dataclass(frozen=True, slots=True)
class Claims:
    """What a verified token says that this application uses."""

    user_id: UUID
    email: str | None
    assurance: str  # aal1, or aal2 after a second factor
    session_id: str | None
    expires: float  # seconds since the epoch


@dataclass(frozen=True, slots=True)
class _Verified:
    claims: Claims
    kid: str
    key: PyJWK


class TokenVerifier:
    """Verifies tokens against the key set, and remembers those that passed."""

    def __init__(self, settings: CoreSettings, client: httpx.AsyncClient) -> None:
        self.issuer = settings.jwt_issuer
        base = settings.supabase_url.rstrip("/")
        self.keys = KeySet(f"{base}/auth/v1/.well-known/jwks.json", client)
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
        kid = _key_id(token)
        key = await self.keys.get(kid)
        if key is None or key.algorithm_name not in ALGORITHMS:
            raise _bad_token()
        claims = self._claims(token, key)
        self._seen[digest] = _Verified(claims, kid, key)
        return claims

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


def _key_id(token: str) -> str:
    try:
        header = jwt.get_unverified_header(token)
    except (jwt.PyJWTError, ValueError) as error:
        raise _bad_token() from error
    kid = header.get("kid")
    if header.get("alg") not in ALGORITHMS or not isinstance(kid, str):
        raise _bad_token()
    return kid


def _claims_of(payload: dict[str, Any]) -> Claims:
    """Check what PyJWT does not know of: Supabase's role, anonymous users, OAuth clients."""
    if payload.get("role") != ROLE:
        raise ValueError("role")
    if payload.get("is_anonymous") not in (None, False):
        raise ValueError("is_anonymous")
    if payload.get("client_id") is not None:
        raise ValueError("client_id")
    return Claims(
        user_id=UUID(payload["sub"]),
        email=str(payload["email"]).lower() if payload.get("email") else None,
        assurance=str(payload.get("aal", "aal1")),
        session_id=payload.get("session_id"),
        expires=float(payload["exp"]),
    )


def _bad_token() -> UnauthenticatedError:
    return UnauthenticatedError("The access token is not valid.", code="invalid_token")


Credentials = Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)]


async def optional_claims(request: Request, credentials: Credentials) -> Claims | None:
    """The claims of the caller, or None without a token; a bad token is always an error."""
    if credentials is None:
        if "authorization" in request.headers:
            raise UnauthenticatedError("Send `Authorization: Bearer <access token>`.")
        return None
    verifier: TokenVerifier = request.app.state.verifier
    claims = await verifier.verify(credentials.credentials)
    context.user_id.set(str(claims.user_id))
    return claims


OptionalClaims = Annotated[Claims | None, Depends(optional_claims)]
