"""Tables of this feature."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import Index
from sqlmodel import Field

from app.core.database.models import Model, Timestamps, text_enum


class Role(StrEnum):
    """What a user may do in this application; Supabase's own roles are something else."""

    USER = "user"
    SUPPORT = "support"  # looks where admins do, and changes nothing
    ADMIN = "admin"


class Status(StrEnum):
    """Whether a user is let in."""

    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"
    SUSPENDED = "suspended"


class User(Timestamps, Model, table=True):
    """One person; the key is the id that Supabase Auth gave."""

    __tablename__ = "users"
    __table_args__ = (Index("ix_users_created_at_id", "created_at", "id"),)

    id: UUID = Field(primary_key=True)
    # Not unique: Auth guards that, and an address may move to another account there.
    email: str | None = Field(default=None, max_length=320, index=True)
    display_name: str | None = Field(default=None, max_length=100)
    role: Role = Field(default=Role.USER, sa_type=text_enum(Role, "role"))
    status: Status = Field(default=Status.PENDING, sa_type=text_enum(Status, "status"))
    # As Auth told last, see `reconcile`: the status is this application's own decision.
    banned_until: datetime | None = Field(default=None)
    deleted_at: datetime | None = Field(default=None)
