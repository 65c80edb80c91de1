"""Access tokens: their claims, signature and verification."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import jwt

from devstack.supabase.errors import AuthError
from devstack.supabase.store import Session, Store, User, seconds_of

TOKEN_SECONDS = 3600
AUDIENCE = "authenticated"


class Tokens:
    """The access tokens of one local Supabase."""

    def __init__(self, store: Store, issuer: str) -> None:
        self.store = store
        self.issuer = issuer

    def access_token(
        self,
        user: User,
        session_id: str,
        *,
        seconds: int = TOKEN_SECONDS,
        claims: Mapping[str, Any] | None = None,
    ) -> str:
        """Sign an access token with every claim that Supabase adds.

        Args:
            user: the user.
            session_id: id of the session.
            seconds: lifetime; negative for an expired token.
            claims: replace or add claims; None as a value removes a claim.
        """
        return self.store.signing_key.sign(
            self.claims(user, session_id, seconds=seconds, changes=claims)
        )

    def claims(
        self,
        user: User,
        session_id: str,
        *,
        seconds: int = TOKEN_SECONDS,
        changes: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Return the claims of a token, see `access_token`."""
        now = int(datetime.now(UTC).timestamp())
        payload: dict[str, Any] = {
            "iss": self.issuer,
            "aud": AUDIENCE,
            "sub": user.id,
            "iat": now,
            "exp": now + seconds,
            "role": user.role,
            "aal": "aal1",
            "amr": [{"method": "password", "timestamp": now}],
            "session_id": session_id,
            "email": user.email,
            "phone": "",
            "is_anonymous": user.is_anonymous,
            "app_metadata": user.app_metadata,
            "user_metadata": user.user_metadata,
            **(changes or {}),
        }
        return {name: value for name, value in payload.items() if value is not None}

    def session_claims(self, user: User, session: Session) -> dict[str, Any]:
        """Return the claims of a session's token; `amr` keeps the times of both factors."""
        amr = [{"method": session.method, "timestamp": seconds_of(session.created_at)}]
        level = "aal1"
        if session.factor_at:
            # The newest first, as in Auth.
            amr.insert(0, {"method": "totp", "timestamp": seconds_of(session.factor_at)})
            level = "aal2"
        return self.claims(user, session.id, changes={"amr": amr, "aal": level})

    def verify(self, access_token: str) -> dict[str, Any]:
        """Return the claims of a token; its user and session may have ended.

        Raises:
            AuthError: the token is invalid.
        """
        try:
            kid = jwt.get_unverified_header(access_token).get("kid")
            key = next((key for key in self.store.published_keys if key.kid == kid), None)
            if key is None:
                raise jwt.InvalidTokenError("unrecognized JWT kid")
            claims: dict[str, Any] = jwt.decode(
                access_token,
                key.public,
                algorithms=[key.algorithm],
                audience=AUDIENCE,
                issuer=self.issuer,
            )
        except jwt.InvalidTokenError as error:
            raise AuthError(403, "bad_jwt", f"invalid JWT: {error}") from None
        return claims
