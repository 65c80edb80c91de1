"""The table of visits. Every process imports it, and so `audit`."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index
from sqlmodel import Field

from app.core.database.models import SCHEMA, Model, UUIDKey, utcnow
from app.extensions.organizations_admin import audit as audit


class Visit(UUIDKey, Model, table=True):
    """Somebody of the support team sees an organization as a member does, until it expires."""

    __tablename__ = "organizations_admin_visits"
    __table_args__ = (
        Index(
            "ix_organizations_admin_visits_organization_id_created_at_id",
            *("organization_id", "created_at", "id"),
        ),
    )

    organization_id: UUID = Field(foreign_key=f"{SCHEMA}.organizations.id", ondelete="CASCADE")
    visitor_id: UUID = Field(foreign_key=f"{SCHEMA}.users.id", ondelete="CASCADE")
    visitor_email: str | None = Field(default=None, max_length=320)
    # Without a reason, nothing may be changed.
    reason: str | None = Field(default=None, max_length=500)
    created_at: datetime = Field(default_factory=utcnow)
    # Earlier than planned if the visitor has ended the visit.
    expires_at: datetime
