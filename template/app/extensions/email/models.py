"""The tables: mails, addresses that must not be mailed, and what recipients do not want."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Index
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from app.core.database.models import Model, UUIDKey, text_enum, utcnow


class MailState(StrEnum):
    """What became of a mail."""

    QUEUED = "queued"
    SENT = "sent"
    PARTLY_SENT = "partly_sent"  # the server has refused some of the recipients
    FAILED = "failed"
    SUPPRESSED = "suppressed"  # no recipient may or wants to get it


class Reason(StrEnum):
    """Why an address is not mailed any more."""

    BOUNCE = "bounce"
    COMPLAINT = "complaint"
    MANUAL = "manual"


def storable(text: str) -> str:
    """Return the words of a server without what Postgres refuses: NUL, and what is no character."""
    return text.encode(errors="replace").decode().replace("\x00", "")


class MailRecord(UUIDKey, Model, table=True):
    """One mail. The key is also part of its Message-ID, which every attempt repeats."""

    __tablename__ = "email_mails"
    __table_args__ = (Index("ix_email_mails_created_at_id", "created_at", "id"),)

    name: str = Field(max_length=200)
    category: str = Field(max_length=40)
    idempotency_key: str | None = Field(default=None, max_length=200, unique=True)
    recipients: list[str] = Field(sa_type=JSONB)
    # Recipient -> what became of the mail. A recipient that is not there is still to be mailed.
    outcomes: dict[str, str] = Field(default_factory=dict, sa_type=JSONB)
    # The fields of the mail. Codes and links must not stay here, so they are deleted once sent.
    data: dict[str, Any] | None = Field(default=None, sa_type=JSONB(none_as_null=True))
    state: MailState = Field(default=MailState.QUEUED, sa_type=text_enum(MailState, "state"))
    attempts: int = 0
    # The last words of the server about a failure.
    error: str | None = Field(default=None, max_length=2000)
    provider_id: str | None = Field(default=None, max_length=200)
    created_at: datetime = Field(default_factory=utcnow)
    sent_at: datetime | None = None


class Suppression(Model, table=True):
    """An address that must not be mailed."""

    __tablename__ = "email_suppressions"

    address: str = Field(max_length=320, primary_key=True)
    reason: Reason = Field(sa_type=text_enum(Reason, "reason"))
    details: str | None = Field(default=None, max_length=500)
    created_at: datetime = Field(default_factory=utcnow)


class Preference(Model, table=True):
    """The choice of a recipient for one category of mails."""

    __tablename__ = "email_preferences"

    address: str = Field(max_length=320, primary_key=True)
    category: str = Field(max_length=40, primary_key=True)
    wanted: bool
    updated_at: datetime = Field(default_factory=utcnow)
