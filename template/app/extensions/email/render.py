"""Fills the templates of a mail, and builds the message that is sent."""

import re
from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import Address as HeaderAddress
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8
from functools import cache
from typing import Any

from jinja2 import Environment, FunctionLoader, StrictUndefined

from app.core.settings import get_settings, load_settings
from app.extensions.email.catalog import find, mail_class
from app.extensions.email.schemas import Mail
from app.extensions.email.settings import EmailSettings

# The placeholders that every mail has, besides its fields.
COMMON = frozenset(("project_name", "color", "app_url", "category", "unsubscribe_url"))


@dataclass(frozen=True)
class Content:
    """A mail as its reader sees it."""

    subject: str
    html: str
    text: str


def render(mail: Mail, *, unsubscribe_url: str | None = None) -> Content:
    """Fill the templates.

    Raises:
        FeatureError: the mail has no template.
        UndefinedError: a template has a placeholder that the mail does not have.
    """
    settings = load_settings(EmailSettings)
    values: dict[str, Any] = {
        "project_name": get_settings().project_name,
        "color": settings.color,
        "app_url": str(settings.app_url or ""),
        "category": mail.category,
        "unsubscribe_url": unsubscribe_url,
        **{name: getattr(mail, name) for name in type(mail).model_fields},
    }
    templates = _environment()
    subject, text = (
        templates.get_template(f"{mail.key()}{part}").render(values)
        for part in (".subject", ".txt")
    )
    return Content(
        # A line break would begin another header.
        subject=re.sub(r"[\s\x00-\x1f\x7f]+", " ", subject).strip(),
        html=templates.get_template(f"{mail.key()}.html").render(values),
        text=re.sub(r"\n{3,}", "\n\n", text).strip() + "\n",
    )


def message(
    content: Content,
    mail: Mail,
    *,
    sent_to: tuple[str, ...],
    message_id: str,
    date: datetime,
    unsubscribe_url: str | None = None,
) -> EmailMessage:
    """Build the message. The same arguments give the same headers.

    Args:
        content: see `render`.
        mail: its attachments and the address for answers are used.
        sent_to: the recipients that are shown.
        message_id: without angle brackets.
        date: when the mail was written.
        unsubscribe_url: address that a mail program calls by POST (RFC 8058).
    """
    settings = load_settings(EmailSettings)
    international = not "".join((*sent_to, settings.sender_address)).isascii()
    built = EmailMessage(policy=SMTPUTF8 if international else SMTP)
    sender = settings.sender_address
    built["From"] = _header(sender, settings.sender_name)
    built["To"] = [_header(address) for address in sent_to]
    built["Subject"] = content.subject
    built["Date"] = date
    built["Message-ID"] = f"<{message_id}>"
    if reply_to := mail.reply_to or settings.reply_to:
        built["Reply-To"] = reply_to
    if settings.sandbox:
        built["X-Original-To"] = ", ".join(mail.recipients)
    # Absence notes and other robots do not answer it.
    built["Auto-Submitted"] = "auto-generated"
    if unsubscribe_url:
        built["List-Unsubscribe"] = f"<{unsubscribe_url}>"
        built["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    built.set_content(content.text)
    built.add_alternative(content.html, subtype="html")
    for each in mail.attachments:
        kind, _, subtype = each.media_type.partition("/")
        built.add_attachment(each.content, kind, subtype, filename=each.name)
    return built


def _header(address: str, name: str = "") -> HeaderAddress:
    # Its `addr_spec` refuses international addresses.
    local, _, domain = address.rpartition("@")
    return HeaderAddress(name, local, domain)


@cache
def _environment() -> Environment:
    return Environment(
        # Subjects and texts are no HTML.
        autoescape=lambda name: bool(name and name.endswith(".html")),  # noqa: S701
        loader=FunctionLoader(_load),
        undefined=StrictUndefined,
        # A text has a line for each statement.
        trim_blocks=True,
    )


def _load(name: str) -> tuple[str, str, Any]:
    """Return a template, which is read again if its file has changed, for the preview."""
    key, _, kind = name.rpartition(".")
    path = find(mail_class(key), ".html" if kind == "html" else ".txt")
    source = path.read_text(encoding="utf-8")
    if kind != "html":
        subject, _, body = source.partition("\n")
        source = subject if kind == "subject" else body
    changed = path.stat().st_mtime_ns
    return source, str(path), lambda: path.exists() and path.stat().st_mtime_ns == changed
