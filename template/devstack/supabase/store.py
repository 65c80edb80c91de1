"""Users, sessions and signing keys: in memory, and in one file across restarts."""

import contextlib
import json
import threading
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from devstack.errors import DevStackError
from devstack.files import write_private
from devstack.supabase.keys import IN_USE, REVOKED, SigningKey


def timestamp() -> str:
    """Now, as Supabase writes it."""
    return datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


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
    app_metadata: dict[str, Any] = field(default_factory=dict)
    user_metadata: dict[str, Any] = field(default_factory=dict)
    created_at: str = field(default_factory=timestamp)
    updated_at: str = field(default_factory=timestamp)

    @property
    def banned(self) -> bool:
        """Whether a ban lasts."""
        return self.banned_until is not None and self.banned_until > timestamp()

    def public(self) -> dict[str, Any]:
        """As the API shows it."""
        shown = asdict(self)
        del shown["password_hash"], shown["banned_until"]
        identity = {
            "identity_id": self.id,
            "id": self.id,
            "user_id": self.id,
            "provider": "email",
            "identity_data": {"sub": self.id, "email": self.email, "email_verified": True},
            "last_sign_in_at": self.last_sign_in_at,
            "created_at": self.created_at,
            "updated_at": self.updated_at,
        }
        return {
            **shown,
            "aud": "authenticated",
            "role": "authenticated",
            "phone": "",
            "confirmed_at": self.email_confirmed_at,
            "identities": [] if self.is_anonymous else [identity],
            **({"banned_until": self.banned_until} if self.banned_until else {}),
        }


@dataclass
class Session:
    """One sign-in; each refresh replaces its refresh token."""

    id: str
    user_id: str
    refresh_token: str
    # The one before, and when it was replaced: answers that get lost are asked for again.
    previous_token: str | None = None
    refreshed_at: str | None = None
    # Older ones: who still presents one has stolen it, or was stolen from.
    spent_tokens: list[str] = field(default_factory=list)
    method: str = "password"
    created_at: str = field(default_factory=timestamp)


class Store:
    """Everything the local Supabase remembers."""

    def __init__(self, path: Path | None) -> None:
        """Read what is kept.

        Args:
            path: file to keep everything in; None keeps nothing.

        Raises:
            DevStackError: the file is there and cannot be understood.
        """
        self._path = path
        self._lock = threading.RLock()
        self.users: dict[str, User] = {}
        self.sessions: dict[str, Session] = {}
        self.keys: list[SigningKey] = []
        if path is not None and path.exists():
            self._load(path)
        if not self.keys:
            with self.change():
                self.keys.append(SigningKey.create())

    @property
    def signing_key(self) -> SigningKey:
        """The key in use."""
        return next(key for key in self.keys if key.status == IN_USE)

    @property
    def published_keys(self) -> list[SigningKey]:
        """Every key that is trusted: in use, before it and after it."""
        return [key for key in self.keys if key.status != REVOKED]

    def by_email(self, email: str) -> User | None:
        """Find a user by address, or None; anonymous users have none."""
        if not email:
            return None
        return next((user for user in self.users.values() if user.email == email), None)

    @contextlib.contextmanager
    def change(self) -> Iterator[None]:
        """Change what is remembered, alone; saved at the end."""
        with self._lock:
            yield
            if self._path is not None:
                write_private(self._path, json.dumps(self._dump(), indent=1))

    def _dump(self) -> dict[str, list[dict[str, Any]]]:
        return {
            "keys": [asdict(key) for key in self.keys],
            "users": [asdict(user) for user in self.users.values()],
            "sessions": [asdict(session) for session in self.sessions.values()],
        }

    def _load(self, path: Path) -> None:
        try:
            state = json.loads(path.read_text(encoding="utf-8"))
            self.keys = [SigningKey(**each) for each in state["keys"]]
            self.users = {each["id"]: User(**each) for each in state["users"]}
            self.sessions = {each["id"]: Session(**each) for each in state["sessions"]}
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DevStackError(
                f"{path} is no state of the local Supabase ({error}); delete it, or start over "
                "with `uv run app dev --reset`."
            ) from None
