"""The application as its users find it, and its folders."""

import json
from dataclasses import dataclass, field
from uuid import uuid4

from playwright.async_api import BrowserType

from devstack.supabase import LocalSupabase
from tests.support.processes import PROJECT

WEB = PROJECT / "web"
BUILD = WEB / "build"
# The folder of the team's sample, which may be gone.
SAMPLE = WEB / "app/features/items"


# Chromium's sandbox needs rights that containers and root do not have.
SANDBOX = ["--no-sandbox"]


@dataclass
class Chromium:
    """The program, and what starts it."""

    kind: BrowserType
    program: str


@dataclass
class Site:
    """The application as a browser finds it."""

    url: str
    supabase: LocalSupabase

    @classmethod
    def at(cls, origin: str, supabase: LocalSupabase) -> "Site":
        """The build at an address."""
        base: str = json.loads((BUILD / "policy.json").read_text("utf-8"))["base"]
        return cls(origin + base.removesuffix("/"), supabase)

    def address(self, path: str) -> str:
        """The address of a page."""
        return f"{self.url}/{path.lstrip('/')}"

    @property
    def api(self) -> str:
        """The address of the API behind it."""
        return f"{self.url.removesuffix('/app')}/api/v1"

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
