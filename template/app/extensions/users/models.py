"""The table of users."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import Index, false
from sqlmodel import Field

from app.core.database.models import Model, Timestamps, text_enum


class Role(StrEnum):
    """Role of a user in this application; it has nothing to do with Supabase's roles."""

    USER = "user"
    SUPPORT = "support"  # sees what admins see, and changes nothing
    ADMIN = "admin"


class Status(StrEnum):
    """Approval of a user; only approved users may use the application."""

    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"
    SUSPENDED = "suspended"


class User(Timestamps, Model, table=True):
    """One person, or a program; the key of a person is the user's id in Supabase Auth."""

    __tablename__ = "users"
    __table_args__ = (
        Index("ix_users_created_at_id", "created_at", "id"),
        # Counts of users by status read the index alone.
        Index("ix_users_status", "status", "deleted_at"),
    )

    id: UUID = Field(primary_key=True)
    # Not unique: Auth ensures that, and an address may move to another account there.
    email: str | None = Field(default=None, max_length=320, index=True)
    display_name: str | None = Field(default=None, max_length=100)
    role: Role = Field(default=Role.USER, sa_type=text_enum(Role, "role"))
    status: Status = Field(default=Status.PENDING, sa_type=text_enum(Status, "status"))
    # Both come from Auth, see `reconcile`; the status is this application's own decision.
    banned_until: datetime | None = Field(default=None)
    deleted_at: datetime | None = Field(default=None)
    # A feature issues its tokens, see `service.add_machine`. Auth does not know it.
    machine: bool = Field(default=False, sa_column_kwargs={"server_default": false()})
