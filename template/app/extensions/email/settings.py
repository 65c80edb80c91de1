"""Settings of this feature, `EMAIL_…` in the environment."""

from collections.abc import Iterator
from email.utils import getaddresses
from urllib.parse import SplitResult, unquote, urlsplit

from pydantic import Field, HttpUrl, SecretStr, ValidationInfo, field_validator

from app.core.http.webhooks import parse_secrets
from app.core.settings import FeatureSettings, Problem
from app.extensions.email.schemas import Address, ascii_domain, normalize

SCHEMES = ("smtp", "smtps", "smtp+plain", "resend", "postmark")
ENCODE = "percent-encode special characters, such as a slash as %2F"


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
    address that Postmark calls. It serves one provider: the other address refuses all calls."""
    inbox_url: HttpUrl | None = None
    """Page with the mails that `app dev` catches; it sets the address."""
    keep_days: int = Field(default=30, ge=2)
    """Days for which the records of mails are kept."""

    @field_validator("url")
    @classmethod
    def _check_url(cls, url: SecretStr | None) -> SecretStr | None:
        if url:
            _check_transport(url.get_secret_value())
        return url

    @field_validator("sender")
    @classmethod
    def _check_sender(cls, sender: str) -> str:
        if any(ord(character) < 32 for character in sender):
            raise ValueError("it must be one line")
        if len(getaddresses([sender])) != 1:
            raise ValueError('it must be one address; a name with a comma is "in, quotes"')
        normalize(getaddresses([sender])[0][1])
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
        return getaddresses([self.sender])[0][0]

    @property
    def sender_address(self) -> str:
        """The address in EMAIL_FROM."""
        return normalize(getaddresses([self.sender])[0][1])

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


def _check_transport(url: str) -> None:
    """Check EMAIL_URL.

    Raises:
        ValueError: it cannot be read; the message repeats nothing of it.
    """
    scheme = url.partition("://")[0].lower()
    if scheme not in SCHEMES:
        raise ValueError(f"it starts with one of {', '.join(f'{s}://' for s in SCHEMES)}")
    try:
        parts = urlsplit(url)
        complete = parts.port != 0 and parts.path in ("", "/") and not parts.fragment
    except ValueError:
        complete = False
    if not complete:
        raise ValueError(f"{ENCODE}; a port is between 1 and 65535")
    if scheme in ("resend", "postmark"):
        key = unquote(parts.netloc)
        if not key.isascii() or not key.isprintable() or not key or "@" in parts.netloc:
            raise ValueError(f"it needs a key, in ASCII; {ENCODE}")
    elif not parts.hostname or parts.query:
        raise ValueError(f"it needs a host; {ENCODE}")
    else:
        ascii_domain(parts.hostname)


SETTINGS = EmailSettings
