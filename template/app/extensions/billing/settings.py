"""Settings of this feature, `BILLING_…` in the environment."""

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator

from app.core.settings import BootSettings, FeatureSettings, Problem, load_settings
from app.core.settings.core import LOOPBACK
from app.core.settings.postgres import is_private_host

# A restricted key (rk_) is enough, and better than a secret key (sk_).
KEY = re.compile(r"(?:sk|rk)_(test|live)_\w+")


class BillingSettings(FeatureSettings, env_prefix="BILLING_"):
    """The account at Stripe, and how checkout and unpaid invoices are treated."""

    stripe_key: SecretStr | None = None
    """Secret or restricted key of the account at Stripe, as sk_test_… or rk_live_…"""
    webhook_secret: SecretStr | None = None
    """Signing secret of the webhook endpoint, as whsec_…, with | between an old and a new one."""
    stripe_url: str = "https://api.stripe.com"
    """Address of Stripe's API; that of the local Stripe in development."""
    plans: str = Field(default="app.plans", pattern=r"^[a-z_][\w.]*$")
    """Module with the catalogue."""
    return_url: str = "http://localhost:8000/"
    """Page to which Stripe sends back after a checkout or from the portal."""
    grace_days: int = Field(default=7, ge=0, le=60)
    """Days for which a plan stays while the payment of an invoice is retried."""
    automatic_tax: bool = False
    """Whether Stripe Tax computes taxes; checkout then asks for an address and a tax id."""
    timeout_seconds: float = Field(default=10.0, gt=0, le=60)
    """Seconds for one request to Stripe."""

    @field_validator("stripe_key")
    @classmethod
    def _check_key(cls, key: SecretStr | None) -> SecretStr | None:
        if key and not KEY.fullmatch(key.get_secret_value()):
            raise ValueError("it is no secret or restricted key of Stripe")
        environment = load_settings(BootSettings).environment
        if key and "_live_" in key.get_secret_value() and environment != "production":
            raise ValueError("it moves real money: use a test key outside of production")
        return key

    @field_validator("stripe_url", "return_url")
    @classmethod
    def _check_url(cls, url: str) -> str:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("it starts with http:// or https:// and has a host")
        return url

    @property
    def live(self) -> bool:
        """Whether the key moves real money."""
        match = KEY.fullmatch(self.stripe_key.get_secret_value()) if self.stripe_key else None
        return bool(match and match[1] == "live")

    @property
    def local(self) -> bool:
        """Whether requests go to a Stripe on this machine."""
        return urlsplit(self.stripe_url).hostname in LOOPBACK

    @property
    def dashboard(self) -> str:
        """Address of Stripe's dashboard in the mode of the key."""
        return "https://dashboard.stripe.com" + ("" if self.live else "/test")

    def production_problems(self) -> Iterator[Problem]:
        """See `SettingsGroup.production_problems`."""
        if self.stripe_key is None:
            return  # nothing is sold yet
        if load_settings(BootSettings).environment == "production" and not self.live:
            yield "BILLING_STRIPE_KEY", "must be a live key: with a test key, nobody pays."
        if not self.webhook_secret:
            yield "BILLING_WEBHOOK_SECRET", "is missing: without it, no payment arrives here."
        for name, url in (
            ("BILLING_STRIPE_URL", self.stripe_url),
            ("BILLING_RETURN_URL", self.return_url),
        ):
            if urlsplit(url).scheme != "https" or is_private_host(urlsplit(url).hostname):
                yield name, "must start with https:// and name a public host."


SETTINGS = BillingSettings
