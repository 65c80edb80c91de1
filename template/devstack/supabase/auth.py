"""Users, by the rules of Supabase Auth."""

import uuid
from collections.abc import Mapping
from typing import Any

from devstack.supabase.errors import AuthError, invalid
from devstack.supabase.fields import update_fields, validate_email, validate_password
from devstack.supabase.passkeys import Passkeys
from devstack.supabase.passwords import hash_password
from devstack.supabase.store import User, timestamp


class Auth(Passkeys):
    """Users, sessions, second factors and passkeys of one local Supabase."""

    def create_user(
        self, email: str, password: str | None = None, *, confirmed: bool = True, **fields: Any
    ) -> User:
        """Create a user.

        Raises:
            AuthError: address or password are invalid, or address or id belong to another user.
        """
        user = self.new_user(email, password, confirmed=confirmed, **fields)
        self.add_user(user)
        return user

    def new_user(
        self,
        email: str,
        password: str | None = None,
        *,
        confirmed: bool = True,
        user_id: object = None,
        **fields: Any,
    ) -> User:
        """Return a user who is not added yet, see `create_user`."""
        email = validate_email(email)
        hashed = hash_password(validate_password(password)) if password is not None else None
        user = User(
            id=_user_id(user_id),
            email=email,
            password_hash=hashed,
            app_metadata={"provider": "email", "providers": ["email"]},
        )
        update_fields(user, {**fields, "email_confirm": confirmed})
        self._ensure_available(email, user)
        return user

    def new_anonymous(self, user_metadata: Any = None) -> User:
        """Return a user without an address, who is not added yet and may add an address later."""
        user = User(id=str(uuid.uuid4()), email="", is_anonymous=True)
        update_fields(user, {"user_metadata": user_metadata})
        return user

    def add_user(self, user: User) -> None:
        """Add a new user.

        Raises:
            AuthError: address or id belong to another user.
        """
        with self.store.change():
            self._ensure_available(user.email, user)
            if user.id in self.store.users:
                raise AuthError(422, "conflict", "A user with this id already exists")
            self.store.users[user.id] = user

    def update_user(self, user: User, fields: Mapping[str, Any]) -> None:
        """Change address, password or metadata at once.

        Raises:
            AuthError: address or password are invalid, or the address belongs to another user.
        """
        email = validate_email(fields["email"]) if fields.get("email") else user.email
        password = fields.get("password")
        hashed = hash_password(validate_password(password)) if password else user.password_hash
        with self.store.change():
            self._ensure_available(email, user)
            user.email, user.password_hash = email, hashed
            update_fields(user, fields)
            if user.is_anonymous and email:
                user.is_anonymous = False
                user.confirm()
            user.updated_at = timestamp()

    def request_email(self, user: User, email: str) -> None:
        """Remember an address that becomes the user's when the mails to both are confirmed.

        Raises:
            AuthError: the address is invalid or belongs to another user.
        """
        self.check_new_email(user, email)
        with self.store.change():
            user.new_email, user.email_change_sent_at = email, timestamp()
            user.confirmed_changes = []

    def check_new_email(self, user: User, email: str) -> None:
        """Check whether an address can become the user's.

        Raises:
            AuthError: the address is invalid or belongs to another user.
        """
        self._ensure_available(validate_email(email), user)

    def confirm_email_change(self, user: User, mail_to: str) -> bool:
        """Confirm the new address by the mail to the old or the new one; return whether it is done.

        Raises:
            AuthError: the address belongs to another user in the meantime.
        """
        with self.store.change():
            user.confirmed_changes = sorted({*user.confirmed_changes, mail_to})
            needed = {user.email, user.new_email} - {""}
            if not needed <= set(user.confirmed_changes):
                return False
            self._ensure_available(user.new_email, user)
            user.email, user.new_email = user.new_email, ""
            user.email_change_sent_at, user.confirmed_changes = None, []
            user.is_anonymous = False
            user.updated_at = timestamp()
        return True

    def confirm(self, user_id: str) -> User:
        """Confirm the address of a user, and return the user.

        Raises:
            AuthError: there is no such user any more.
        """
        user = self.store.users.get(user_id)
        if user is None:
            raise AuthError(403, "otp_expired", "Token has expired or is invalid")
        with self.store.change():
            user.confirm()
        return user

    def delete_user(self, user: User) -> None:
        """Delete a user with all sessions."""
        with self.store.change():
            self.end_sessions(user)
            del self.store.users[user.id]

    def _ensure_available(self, email: str, user: User) -> None:
        if self.store.by_email(email) not in (None, user):
            message = "A user with this email address has already been registered"
            raise AuthError(422, "email_exists", message)


def _user_id(given: object) -> str:
    try:
        return str(uuid.UUID(str(given))) if given else str(uuid.uuid4())
    except ValueError:
        raise invalid("ID must conform to the uuid v4 format") from None
