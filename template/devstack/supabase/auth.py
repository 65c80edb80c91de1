"""Users and sessions, by the rules of Supabase Auth."""

import secrets
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt

from devstack.supabase.errors import AuthError
from devstack.supabase.fields import (
    ensure_not_banned,
    update_fields,
    validate_email,
    validate_password,
)
from devstack.supabase.passwords import hash_password, password_matches
from devstack.supabase.store import Session, Store, User, timestamp

TOKEN_SECONDS = 3600
AUDIENCE = ROLE = "authenticated"
# Supabase's default: for this time, the previous refresh token is still valid.
REUSE_SECONDS = 10
SPENT_TOKENS_KEPT = 20


class Auth:
    """Users and sessions of one local Supabase."""

    def __init__(self, store: Store, issuer: str) -> None:
        self.store = store
        self.issuer = issuer

    def create_user(
        self,
        email: str,
        password: str | None = None,
        *,
        confirmed: bool = True,
        **fields: Any,
    ) -> User:
        """Create a user.

        Raises:
            AuthError: address or password are invalid, or the address belongs to another user.
        """
        email = validate_email(email)
        hashed = hash_password(validate_password(password)) if password is not None else None
        user = User(
            id=str(uuid.uuid4()),
            email=email,
            password_hash=hashed,
            email_confirmed_at=timestamp() if confirmed else None,
            app_metadata={"provider": "email", "providers": ["email"]},
        )
        update_fields(user, fields)
        with self.store.change():
            self._ensure_available(email, user)
            self.store.users[user.id] = user
        return user

    def create_anonymous(self, user_metadata: Any = None) -> User:
        """Create a user without an address, who may add one later."""
        user = User(id=str(uuid.uuid4()), email="", is_anonymous=True)
        update_fields(user, {"user_metadata": user_metadata})
        with self.store.change():
            self.store.users[user.id] = user
        return user

    def update_user(self, user: User, fields: Mapping[str, Any]) -> None:
        """Change address, password or metadata.

        Raises:
            AuthError: address or password are invalid, or the address belongs to another user.
        """
        email = validate_email(fields["email"]) if fields.get("email") else user.email
        password = fields.get("password")
        hashed = hash_password(validate_password(password)) if password else user.password_hash
        with self.store.change():
            self._ensure_available(email, user)
            if user.is_anonymous and email:
                user.is_anonymous, user.email_confirmed_at = False, timestamp()
            user.email, user.password_hash = email, hashed
            update_fields(user, fields)
            user.updated_at = timestamp()

    def confirm(self, email: str) -> User:
        """Confirm the address of a user, and return the user.

        Raises:
            AuthError: there is no such user any more.
        """
        user = self.store.by_email(email)
        if user is None:
            raise AuthError(403, "otp_expired", "Token has expired or is invalid")
        with self.store.change():
            user.email_confirmed_at = user.email_confirmed_at or timestamp()
        return user

    def delete_user(self, user: User) -> None:
        """Delete a user with all sessions."""
        with self.store.change():
            self.end_sessions(user)
            del self.store.users[user.id]

    def sign_in(self, email: str, password: str) -> dict[str, Any]:
        """Start a session with a password.

        Raises:
            AuthError: address or password are wrong, or this user may not sign in.
        """
        user = self.store.by_email(email.strip().lower())
        matches = password_matches(password, user.password_hash if user else None)
        if user is None or not matches:
            raise AuthError(400, "invalid_credentials", "Invalid login credentials")
        if user.email_confirmed_at is None:
            raise AuthError(400, "email_not_confirmed", "Email not confirmed")
        return self.start_session(user)

    def start_session(self, user: User, method: str = "password") -> dict[str, Any]:
        """Sign a user in, and return access token, refresh token and user as Supabase does.

        Args:
            user: the user.
            method: value for the claim `amr`: password, otp, anonymous.

        Raises:
            AuthError: the user is banned.
        """
        ensure_not_banned(user)
        with self.store.change():
            session = Session(str(uuid.uuid4()), user.id, secrets.token_urlsafe(16), method=method)
            self.store.sessions[session.id] = session
            user.last_sign_in_at = timestamp()
        return self._session_response(user, session)

    def refresh(self, refresh_token: str) -> dict[str, Any]:
        """Continue a session; its refresh token is replaced.

        Raises:
            AuthError: the token is unknown, or it is an old one: then the session ends.
        """
        with self.store.change():
            for session in self.store.sessions.values():
                if refresh_token == session.refresh_token:
                    break
                if refresh_token == session.previous_token or refresh_token in session.spent_tokens:
                    self._ensure_reusable(session, refresh_token)
                    break
            else:
                raise AuthError(
                    400,
                    "refresh_token_not_found",
                    "Invalid Refresh Token: Refresh Token Not Found",
                )
            user = self.store.users[session.user_id]
            ensure_not_banned(user)
            if refresh_token == session.refresh_token:
                if session.previous_token:
                    session.spent_tokens.append(session.previous_token)
                    del session.spent_tokens[:-SPENT_TOKENS_KEPT]
                session.previous_token = refresh_token
                session.refresh_token = secrets.token_urlsafe(16)
                session.refreshed_at = timestamp()
        return self._session_response(user, session)

    def end_sessions(self, user: User, *, only: str | None = None, keep: str | None = None) -> None:
        """End one session of a user, all but one, or all."""
        with self.store.change():
            for session in list(self.store.sessions.values()):
                selected = session.id == only if only else session.id != keep
                if session.user_id == user.id and selected:
                    del self.store.sessions[session.id]

    def signed_in(self, access_token: str) -> tuple[User, Session]:
        """Return user and session of an access token.

        Raises:
            AuthError: the token is invalid, or its user or session do not exist any more.
        """
        try:
            kid = jwt.get_unverified_header(access_token).get("kid")
            key = next((key for key in self.store.published_keys if key.kid == kid), None)
            if key is None:
                raise jwt.InvalidTokenError("unrecognized JWT kid")
            claims = jwt.decode(
                access_token,
                key.public,
                algorithms=[key.algorithm],
                audience=AUDIENCE,
                issuer=self.issuer,
            )
        except jwt.InvalidTokenError as error:
            raise AuthError(403, "bad_jwt", f"invalid JWT: {error}") from None
        user = self.store.users.get(claims["sub"])
        if user is None:
            raise AuthError(403, "user_not_found", "User from sub claim in JWT does not exist")
        session = self.store.sessions.get(claims.get("session_id", ""))
        if session is None:
            raise AuthError(
                403, "session_not_found", "Session from session_id claim in JWT does not exist"
            )
        ensure_not_banned(user, status=403)
        return user, session

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
            "role": ROLE,
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

    def _session_response(self, user: User, session: Session) -> dict[str, Any]:
        now = int(datetime.now(UTC).timestamp())
        amr = [{"method": session.method, "timestamp": now}]
        return {
            "access_token": self.access_token(user, session.id, claims={"amr": amr}),
            "token_type": "bearer",
            "expires_in": TOKEN_SECONDS,
            "expires_at": now + TOKEN_SECONDS,
            "refresh_token": session.refresh_token,
            "user": user.public(),
        }

    def _ensure_available(self, email: str, user: User) -> None:
        if self.store.by_email(email) not in (None, user):
            message = "A user with this email address has already been registered"
            raise AuthError(422, "email_exists", message)

    def _ensure_reusable(self, session: Session, token: str) -> None:
        """Accept the previous refresh token for a short time; otherwise end the session."""
        limit = timestamp(-timedelta(seconds=REUSE_SECONDS))
        if token == session.previous_token and (session.refreshed_at or "") >= limit:
            return
        # Saved by its own change, because the error below skips the save of the outer one.
        with self.store.change():
            del self.store.sessions[session.id]
        raise AuthError(400, "refresh_token_already_used", "Invalid Refresh Token: Already Used")
