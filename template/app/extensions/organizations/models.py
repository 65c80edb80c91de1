"""The tables: organizations, their members, and invitations that nobody has accepted yet.

A table with a column `organization_id` is scoped: its rows belong to one organization. The tests
find such tables by this column, in every feature.
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, LargeBinary, UniqueConstraint
from sqlmodel import Field

from app.core.database.models import SCHEMA, Model, Timestamps, UUIDKey, utcnow

# Columns with this mark are left out of the export of an organization.
NOT_EXPORTED = {"info": {"exported": False}}


class Organization(UUIDKey, Timestamps, Model, table=True):
    """A tenant."""

    __tablename__ = "organizations"

    # Its place in addresses. It never changes, and ends with random characters: nobody can find out
    # which organizations exist.
    slug: str = Field(max_length=63, unique=True)
    name: str = Field(max_length=100)
    # The user whose personal organization it is, which has no other member.
    personal_of: UUID | None = Field(
        default=None, foreign_key=f"{SCHEMA}.users.id", ondelete="CASCADE", unique=True
    )
    # From then on nobody can use it. A schedule removes it after ORGANIZATIONS_DELETION_DAYS.
    deleted_at: datetime | None = Field(default=None, index=True)


class Member(Model, table=True):
    """A user in an organization."""

    __tablename__ = "organizations_members"

    organization_id: UUID = Field(
        primary_key=True, foreign_key=f"{SCHEMA}.organizations.id", ondelete="CASCADE"
    )
    user_id: UUID = Field(
        primary_key=True, index=True, foreign_key=f"{SCHEMA}.users.id", ondelete="CASCADE"
    )
    # One of `service.roles.known()`. No constraint checks it, because settings add roles.
    role: str = Field(max_length=30)
    created_at: datetime = Field(default_factory=utcnow)


class Invitation(UUIDKey, Model, table=True):
    """An invitation of an address. The row is removed when it is accepted or revoked."""

    __tablename__ = "organizations_invitations"
    __table_args__ = (
        UniqueConstraint("organization_id", "email"),
        Index(
            "ix_organizations_invitations_organization_id_created_at_id",
            *("organization_id", "created_at", "id"),
        ),
    )

    organization_id: UUID = Field(foreign_key=f"{SCHEMA}.organizations.id", ondelete="CASCADE")
    email: str = Field(max_length=320)
    role: str = Field(max_length=30)
    # SHA-256. The token itself is random, so it needs no slow hash.
    token_hash: bytes = Field(
        sa_type=LargeBinary, unique=True, sa_column_kwargs=NOT_EXPORTED, repr=False
    )
    invited_by: UUID | None = Field(
        default=None, foreign_key=f"{SCHEMA}.users.id", ondelete="SET NULL"
    )
    created_at: datetime = Field(default_factory=utcnow)
    expires_at: datetime
