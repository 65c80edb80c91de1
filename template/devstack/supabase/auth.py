"""What the routes do: users and sessions, by the rules of Supabase Auth."""

import secrets
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt

from devstack.supabase.errors import AuthError
from devstack.supabase.fields import apply, checked_email, checked_password, refuse_banned
from devstack.supabase.passwords import hash_password, password_matches
from devstack.supabase.store import Session, Store, User, timestamp

TOKEN_SECONDS = 3600
AUDIENCE = ROLE = "authenticated"
# Supabase's default: within it, the token before the current one is still good.
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
        """Make a user.

        Raises:
            AuthError: address or password are not acceptable, or the address is taken.
        """
        email = checked_email(email)
        hashed = hash_password(checked_password(password)) if password is not None else None
        user = User(
            id=str(uuid.uuid4()),
            email=email,
            password_hash=hashed,
            email_confirmed_at=timestamp() if confirmed else None,
            app_metadata={"provider": "email", "providers": ["email"]},
        )
        apply(user, fields)
        with self.store.change():
            if self.store.by_email(email) or user.id in self.store.users:
                raise AuthError(
                    422,
                    "email_exists",
                    "A user with this email address has already been registered",
                )
            self.store.users[user.id] = user
        return user

    def create_anonymous(self, user_metadata: Any = None) -> User:
        """Make a user without an address, who may give one later."""
        user = User(id=str(uuid.uuid4()), email="", is_anonymous=True)
        apply(user, {"user_metadata": user_metadata})
        with self.store.change():
            self.store.users[user.id] = user
        return user

    def update_user(self, user: User, fields: Mapping[str, Any]) -> None:
        """Change address, password or metadata.

        Raises:
            AuthError: address or password are not acceptable, or the address is taken.
        """
        email = checked_email(fields["email"]) if fields.get("email") else user.email
        password = fields.get("password")
        hashed = hash_password(checked_password(password)) if password else user.password_hash
        with self.store.change():
            owner = self.store.by_email(email)
            if owner is not None and owner is not user:
                raise AuthError(
                    422,
                    "email_exists",
                    "A user with this email address has already been registered",
                )
            if user.is_anonymous and email:
                user.is_anonymous, user.email_confirmed_at = False, timestamp()
            user.email, user.password_hash = email, hashed
            apply(user, fields)
            user.updated_at = timestamp()

    def confirm(self, email: str) -> User:
        """Return the user with that address, which is proved now.

        Raises:
            AuthError: there is none any more.
        """
        user = self.store.by_email(email)
        if user is None:
            raise AuthError(403, "otp_expired", "Token has expired or is invalid")
        with self.store.change():
            user.email_confirmed_at = user.email_confirmed_at or timestamp()
        return user

    def delete_user(self, user: User) -> None:
        """Delete a user and all sessions."""
        with self.store.change():
            self.end_sessions(user)
            del self.store.users[user.id]

    def sign_in(self, email: str, password: str) -> dict[str, Any]:
        """Start a session for the right password.

        Raises:
            AuthError: wrong, or this user may not sign in.
        """
        user = self.store.by_email(email.strip().lower())
        matches = password_matches(password, user.password_hash if user else None)
        if user is None or not matches:
            raise AuthError(400, "invalid_credentials", "Invalid login credentials")
        if user.email_confirmed_at is None:
            raise AuthError(400, "email_not_confirmed", "Email not confirmed")
        return self.start_session(user)

    def start_session(self, user: User, method: str = "password") -> dict[str, Any]:
        """Sign a user in: access token, refresh token and the user, as Supabase answers.

        Args:
            user: who.
            method: how, for the claim `amr`: password, otp, anonymous.

        Raises:
            AuthError: the user is banned.
        """
        refuse_banned(user)
        with self.store.change():
            session = Session(str(uuid.uuid4()), user.id, secrets.token_urlsafe(16), method=method)
            self.store.sessions[session.id] = session
            user.last_sign_in_at = timestamp()
        return self._answer(user, session)

    def refresh(self, refresh_token: str) -> dict[str, Any]:
        """Go on with a session; its refresh token is replaced.

        Raises:
            AuthError: the token is unknown, or spent: then the whole session ends.
        """
        with self.store.change():
            for session in self.store.sessions.values():
                if refresh_token == session.refresh_token:
                    break
                if refresh_token == session.previous_token or refresh_token in session.spent_tokens:
                    self._refuse_spent(session, refresh_token)
                    break
            else:
                raise AuthError(
                    400,
                    "refresh_token_not_found",
                    "Invalid Refresh Token: Refresh Token Not Found",
                )
            user = self.store.users[session.user_id]
            refuse_banned(user)
            if refresh_token == session.refresh_token:
                if session.previous_token:
                    session.spent_tokens.append(session.previous_token)
                    del session.spent_tokens[:-SPENT_TOKENS_KEPT]
                session.previous_token = refresh_token
                session.refresh_token = secrets.token_urlsafe(16)
                session.refreshed_at = timestamp()
        return self._answer(user, session)

    def end_sessions(self, user: User, *, only: str | None = None, keep: str | None = None) -> None:
        """Sign a user out: of one session, of all but one, or of all."""
        with self.store.change():
            for session in list(self.store.sessions.values()):
                wanted = session.id == only if only else session.id != keep
                if session.user_id == user.id and wanted:
                    del self.store.sessions[session.id]

    def signed_in(self, access_token: str) -> tuple[User, Session]:
        """Whose access token this is.

        Raises:
            AuthError: it is not valid, or its user or session are gone.
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
        refuse_banned(user, status=403)
        return user, session

    def access_token(
        self,
        user: User,
        session_id: str,
        *,
        seconds: int = TOKEN_SECONDS,
        claims: Mapping[str, Any] | None = None,
    ) -> str:
        """Sign an access token with every claim that Supabase puts in.

        Args:
            user: whose token.
            session_id: id of the session it belongs to.
            seconds: lifetime; negative for one that has expired.
            claims: replace or add claims; None as a value leaves a claim out.
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
        """Say what a token says; see `access_token`."""
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

    def _answer(self, user: User, session: Session) -> dict[str, Any]:
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

    def _refuse_spent(self, session: Session, token: str) -> None:
        """Let the last replaced token pass for a moment, else end the session."""
        limit = datetime.now(UTC) - timedelta(seconds=REUSE_SECONDS)
        replaced = session.refreshed_at
        is_previous = token == session.previous_token and replaced is not None
        if is_previous and datetime.fromisoformat(replaced or "") >= limit:
            return
        # Saved here: the error below leaves the surrounding change unsaved.
        with self.store.change():
            del self.store.sessions[session.id]
        raise AuthError(400, "refresh_token_already_used", "Invalid Refresh Token: Already Used")
