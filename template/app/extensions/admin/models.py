"""Tables of this feature."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from app.core.database.models import Model, UUIDKey, utcnow


class AuditEntry(UUIDKey, Model, table=True):
    """One action of a user on the site.

    It has no foreign keys, so that it remains when the user or the row is deleted.
    """

    __tablename__ = "admin_audit"
    __table_args__ = (
        Index("ix_admin_audit_created_at_id", "created_at", "id"),
        Index("ix_admin_audit_actor_id", "actor_id"),
        Index("ix_admin_audit_subject_id", "subject_id"),
        Index(
            "ix_admin_audit_belongs_to_created_at",
            "belongs_to",
            "created_at",
            postgresql_where=text("belongs_to IS NOT NULL"),
        ),
    )

    created_at: datetime = Field(default_factory=utcnow)
    actor_id: UUID
    actor_email: str | None = Field(default=None, max_length=320)
    action: str = Field(max_length=50)
    # Table and primary key of the row that the action changed.
    subject: str | None = Field(default=None, max_length=100)
    subject_id: str | None = Field(default=None, max_length=200)
    # What the row belongs to, if a feature groups what users own and sets it.
    belongs_to: UUID | None = None
    reason: str | None = Field(default=None, max_length=500)
    before: dict[str, Any] | None = Field(default=None, sa_type=JSONB(none_as_null=True))
    after: dict[str, Any] | None = Field(default=None, sa_type=JSONB(none_as_null=True))
    request_id: str | None = Field(default=None, max_length=64)
    address: str | None = Field(default=None, max_length=64)
