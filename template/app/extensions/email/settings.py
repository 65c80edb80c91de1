"""Settings of this feature, `EMAIL_…` in the environment."""

from collections.abc import Iterator
from email.utils import parseaddr
from urllib.parse import SplitResult, urlsplit

from pydantic import Field, HttpUrl, SecretStr, ValidationInfo, field_validator

from app.core.http.webhooks import parse_secrets
from app.core.settings import FeatureSettings, Problem
from app.extensions.email.schemas import Address, normalize

SCHEMES = ("smtp", "smtps", "smtp+plain", "resend", "postmark")


class EmailSettings(FeatureSettings, env_prefix="EMAIL_"):
    """How mails leave, and what they have in common."""

    url: SecretStr | None = None
    """The transport: smtp://user:password@host:587 (STARTTLS), smtps://… (TLS), resend://KEY or
    postmark://TOKEN."""
    ca_cert: str | None = None
    """CA of the SMTP server, a path; default: the public CAs."""
    sender: str = Field(default="no-reply@example.com", validation_alias="EMAIL_FROM")
    """Sender, as no-reply@example.com or Example <no-reply@example.com>."""
    reply_to: Address | None = None
    """Address that answers go to."""
    sandbox: Address | None = None
    """Address that receives every mail instead of its recipients, for staging."""
    color: str = Field(default="#3b4cca", pattern=r"^#[0-9a-fA-F]{6}$")
    """Colour of buttons and links."""
    app_url: HttpUrl | None = None
    """Address of the application that users open, for links in mails."""
    api_url: HttpUrl = HttpUrl("http://127.0.0.1:8000")
    """Public address of this API, for the links to unsubscribe."""
    webhook_secret: SecretStr | None = Field(default=None, min_length=16)
    """Secret of the provider's webhook about bounces: whsec_… of Resend, or the password in the
    address that Postmark calls."""
    inbox_url: HttpUrl | None = None
    """Page with the mails that `app dev` catches; it sets the address."""
    keep_days: int = Field(default=30, ge=2)
    """Days for which the records of mails are kept."""

    @field_validator("url")
    @classmethod
    def _check_url(cls, url: SecretStr | None) -> SecretStr | None:
        if url:
            parts = urlsplit(url.get_secret_value())
            try:
                complete = bool(parts.hostname) and (parts.port or 1) > 0
            except ValueError:
                complete = False
            if parts.scheme not in SCHEMES or not complete:
                raise ValueError(f"it starts with one of {', '.join(f'{s}://' for s in SCHEMES)}")
        return url

    @field_validator("sender")
    @classmethod
    def _check_sender(cls, sender: str) -> str:
        if any(ord(character) < 32 for character in sender):
            raise ValueError("it must be one line")
        normalize(parseaddr(sender)[1])
        return sender

    @field_validator("webhook_secret")
    @classmethod
    def _check_webhook_secret(
        cls, secret: SecretStr | None, info: ValidationInfo
    ) -> SecretStr | None:
        url = info.data.get("url")
        if secret and url and url.get_secret_value().startswith("resend:"):
            parse_secrets(secret)
        return secret

    @property
    def transport(self) -> SplitResult | None:
        """The parts of EMAIL_URL."""
        return urlsplit(self.url.get_secret_value()) if self.url else None

    @property
    def sender_name(self) -> str:
        """The name in EMAIL_FROM; it may be empty."""
        return parseaddr(self.sender)[0]

    @property
    def sender_address(self) -> str:
        """The address in EMAIL_FROM."""
        return normalize(parseaddr(self.sender)[1])

    @property
    def domain(self) -> str:
        """The domain of the sender."""
        return self.sender_address.rpartition("@")[2]

    def production_problems(self) -> Iterator[Problem]:
        """See `SettingsGroup.production_problems`."""
        parts = self.transport
        if parts is None:
            yield (
                "EMAIL_URL",
                "must name the transport of mails, such as smtp://user:password@host.",
            )
        elif parts.scheme == "smtp+plain":
            yield "EMAIL_URL", "must use TLS: write smtp:// (STARTTLS) or smtps:// (TLS)."
        if self.domain == "example.com":
            yield "EMAIL_FROM", "must be an address of your domain."
        if self.api_url.scheme != "https":
            yield "EMAIL_API_URL", "must be the public address of this API, with https://."


SETTINGS = EmailSettings
