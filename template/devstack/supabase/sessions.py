"""Sessions: how they start, continue and end."""

import secrets
import uuid
from datetime import timedelta
from typing import Any

from devstack.supabase.errors import AuthError
from devstack.supabase.fields import ensure_not_banned
from devstack.supabase.passwords import password_matches
from devstack.supabase.store import Session, User, timestamp
from devstack.supabase.tokens import TOKEN_SECONDS, Tokens

# Supabase's default: for this time after its use, an old refresh token is still valid.
REUSE_SECONDS = 10
SPENT_TOKENS_KEPT = 20


class Sessions(Tokens):
    """The sessions of one local Supabase."""

    def check_password(self, email: str, password: str) -> User:
        """Return the user with this address and password.

        Raises:
            AuthError: address or password are wrong, or this user may not sign in.
        """
        user = self.store.by_email(email.strip().lower())
        matches = password_matches(password, user.password_hash if user else None)
        if user is not None:
            ensure_not_banned(user)
        if user is None or not matches:
            raise AuthError(400, "invalid_credentials", "Invalid login credentials")
        if user.email_confirmed_at is None:
            raise AuthError(400, "email_not_confirmed", "Email not confirmed")
        return user

    def start_session(self, user: User, method: str = "password") -> dict[str, Any]:
        """Sign a user in without hooks; see `new_session` and `response`."""
        session = self.new_session(user, method)
        return self.response(user, session, self.session_claims(user, session))

    def new_session(self, user: User, method: str) -> Session:
        """Start a session.

        Args:
            user: the user.
            method: value for the claim `amr`: password, otp, magiclink, anonymous …

        Raises:
            AuthError: the user is banned.
        """
        ensure_not_banned(user)
        with self.store.change():
            session = Session(str(uuid.uuid4()), user.id, secrets.token_urlsafe(16), method=method)
            self.store.sessions[session.id] = session
            user.last_sign_in_at = timestamp()
        return session

    def response(self, user: User, session: Session, claims: dict[str, Any]) -> dict[str, Any]:
        """Return access token, refresh token and user as Supabase does."""
        return {
            "access_token": self.store.signing_key.sign(claims),
            "token_type": "bearer",
            "expires_in": TOKEN_SECONDS,
            "expires_at": claims["exp"],
            "refresh_token": session.refresh_token,
            "user": user.public(),
        }

    def refresh(self, refresh_token: str) -> tuple[User, Session]:
        """Continue a session; its refresh token is replaced.

        The token before the current one returns the current one, at any time: a client sends it
        again if it has not received the answer.

        Raises:
            AuthError: the token is unknown, or it is an old one: then the session ends.
        """
        with self.store.change():
            session = next(
                (
                    each
                    for each in self.store.sessions.values()
                    if refresh_token in (each.refresh_token, each.previous_token)
                    or refresh_token in each.spent_tokens
                ),
                None,
            )
            if session is None:
                message = "Invalid Refresh Token: Refresh Token Not Found"
                raise AuthError(400, "refresh_token_not_found", message)
            user = self.store.users[session.user_id]
            ensure_not_banned(user)
            if refresh_token == session.refresh_token:
                if session.previous_token:
                    session.spent_tokens[session.previous_token] = session.refreshed_at or ""
                    for old in list(session.spent_tokens)[:-SPENT_TOKENS_KEPT]:
                        del session.spent_tokens[old]
                session.previous_token = refresh_token
                session.refresh_token = secrets.token_urlsafe(16)
                session.refreshed_at = timestamp()
            elif refresh_token != session.previous_token:
                self._ensure_reusable(session, refresh_token)
        return user, session

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
        claims = self.verify(access_token)
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

    def _ensure_reusable(self, session: Session, token: str) -> None:
        """Accept an old refresh token for a short time after its use; otherwise end the session."""
        if session.spent_tokens[token] >= timestamp(-timedelta(seconds=REUSE_SECONDS)):
            return
        # Saved by its own change, because the error below skips the save of the outer one.
        with self.store.change():
            del self.store.sessions[session.id]
        raise AuthError(400, "refresh_token_already_used", "Invalid Refresh Token: Already Used")
