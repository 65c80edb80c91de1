"""The application as its users find it, and its folders."""

from dataclasses import dataclass, field
from uuid import uuid4

from devstack.supabase import LocalSupabase
from tests.support.processes import PROJECT

WEB = PROJECT / "web"
BUILD = WEB / "build"
# The folder of the team's sample, which may be gone.
SAMPLE = WEB / "app/features/items"


@dataclass
class Site:
    """The application as a browser finds it."""

    url: str
    supabase: LocalSupabase

    def address(self, path: str) -> str:
        """The address of a page."""
        return f"{self.url}/{path.lstrip('/')}"

    def user(self) -> "Account":
        """Create a user with a password."""
        account = Account()
        self.supabase.auth.create_user(account.email, account.password, confirmed=True)
        return account


@dataclass
class Account:
    """What somebody types to sign in."""

    email: str = field(default_factory=lambda: f"{uuid4().hex[:12]}@example.com")
    password: str = field(default_factory=lambda: uuid4().hex)
