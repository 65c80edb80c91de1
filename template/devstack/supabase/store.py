"""Users, sessions and signing keys."""

from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from devstack.supabase.keys import IN_USE, REVOKED, SigningKey
from devstack.supabase.saved_state import SavedState


def timestamp(delay: timedelta = timedelta()) -> str:
    """Return the time now, or after a delay, in Supabase's format."""
    return (datetime.now(UTC) + delay).isoformat(timespec="microseconds").replace("+00:00", "Z")


def seconds_of(moment: str) -> int:
    """Return a time of `timestamp` in seconds since the epoch."""
    return int(datetime.fromisoformat(moment).timestamp())


@dataclass
class Factor:
    """A second factor of a user: an authenticator app."""

    id: str
    friendly_name: str
    secret: str
    status: str = "unverified"  # or verified, after the first code
    factor_type: str = "totp"
    created_at: str = field(default_factory=timestamp)
    updated_at: str = field(default_factory=timestamp)

    def public(self) -> dict[str, Any]:
        """Return the factor as in the API, which never shows its secret again."""
        shown = asdict(self)
        del shown["secret"]
        return shown


@dataclass
class Passkey:
    """A passkey of a user; bytes are base64url."""

    id: str
    credential_id: str
    public_key: str
    sign_count: int
    friendly_name: str = "Passkey"
    created_at: str = field(default_factory=timestamp)
    last_used_at: str | None = None

    def public(self) -> dict[str, Any]:
        """Return the passkey as in the API."""
        names = ("id", "friendly_name", "created_at", "last_used_at")
        return {name: value for name in names if (value := getattr(self, name))}


@dataclass
class User:
    """A row of `auth.users`; times are ISO 8601 in UTC."""

    id: str
    email: str  # empty for an anonymous user
    password_hash: str | None = None
    email_confirmed_at: str | None = None
    last_sign_in_at: str | None = None
    banned_until: str | None = None
    is_anonymous: bool = False
    role: str = "authenticated"
    invited_at: str | None = None
    # An address that is not confirmed yet, and the addresses whose mail about it is confirmed.
    new_email: str = ""
    email_change_sent_at: str | None = None
    confirmed_changes: list[str] = field(default_factory=list)
    factors: list[Factor] = field(default_factory=list)
    passkeys: list[Passkey] = field(default_factory=list)
    app_metadata: dict[str, Any] = field(default_factory=dict)
    user_metadata: dict[str, Any] = field(default_factory=dict)
    created_at: str = field(default_factory=timestamp)
    updated_at: str = field(default_factory=timestamp)

    @property
    def banned(self) -> bool:
        """Whether the user is banned now."""
        return self.banned_until is not None and self.banned_until > timestamp()

    @property
    def has_factor(self) -> bool:
        """Whether a sign-in has to be followed by the code of a second factor."""
        return any(factor.status == "verified" for factor in self.factors)

    def confirm(self) -> None:
        """Confirm the address."""
        self.email_confirmed_at = self.email_confirmed_at or timestamp()
        self.user_metadata = {**self.user_metadata, "email_verified": True}

    def public(self) -> dict[str, Any]:
        """Return the user as in the API."""
        shown = asdict(self)
        del shown["password_hash"], shown["confirmed_changes"], shown["passkeys"]
        verified = self.email_confirmed_at is not None
        identity = {
            "identity_id": self.id,
            "id": self.id,
            "user_id": self.id,
            "provider": "email",
            "identity_data": {"sub": self.id, "email": self.email, "email_verified": verified},
            "last_sign_in_at": self.last_sign_in_at,
            "created_at": self.created_at,
            "updated_at": self.updated_at,
        }
        values = {
            **shown,
            "new_email": self.new_email or None,
            "factors": [factor.public() for factor in self.factors] or None,
            "aud": "authenticated",
            "phone": "",
            "confirmed_at": self.email_confirmed_at,
            "identities": [] if self.is_anonymous else [identity],
        }
        return {name: value for name, value in values.items() if value is not None}


@dataclass
class Session:
    """One sign-in; each refresh replaces its refresh token."""

    id: str
    user_id: str
    refresh_token: str
    # The refresh token before, and the time when it was replaced.
    previous_token: str | None = None
    refreshed_at: str | None = None
    # Older refresh tokens, and when they were replaced. If one is used, it was stolen.
    spent_tokens: dict[str, str] = field(default_factory=dict)
    method: str = "password"
    # The second factor, and when its code was entered.
    factor_id: str | None = None
    factor_at: str | None = None
    created_at: str = field(default_factory=timestamp)


class Store(SavedState):
    """Users, sessions and signing keys of one local Supabase."""

    def __init__(self, path: Path | None) -> None:
        """See `SavedState`; without a signing key, one is created."""
        self.users: dict[str, User] = {}
        self.sessions: dict[str, Session] = {}
        self.keys: list[SigningKey] = []
        super().__init__(path)
        if not self.keys:
            with self.change():
                self.keys.append(SigningKey.create())

    @property
    def signing_key(self) -> SigningKey:
        """The key in use."""
        return next(key for key in self.keys if key.status == IN_USE)

    @property
    def published_keys(self) -> list[SigningKey]:
        """Every key that is trusted: the key in use, standby keys and earlier keys."""
        return [key for key in self.keys if key.status != REVOKED]

    def by_email(self, email: str) -> User | None:
        """Return the user with an address, or None; anonymous users have no address."""
        if not email:
            return None
        return next((user for user in self.users.values() if user.email == email), None)

    def _dump(self) -> dict[str, Any]:
        return {
            "keys": [asdict(key) for key in self.keys],
            "users": [asdict(user) for user in self.users.values()],
            "sessions": [asdict(session) for session in self.sessions.values()],
        }

    def _load(self, state: dict[str, Any]) -> None:
        self.keys = [SigningKey(**each) for each in state["keys"]]
        self.users = {each["id"]: _user(each) for each in state["users"]}
        self.sessions = {each["id"]: Session(**each) for each in state["sessions"]}


def _user(saved: dict[str, Any]) -> User:
    factors = [Factor(**each) for each in saved.get("factors", ())]
    passkeys = [Passkey(**each) for each in saved.get("passkeys", ())]
    return User(**{**saved, "factors": factors, "passkeys": passkeys})
