"""Request and response models of this feature."""

from datetime import datetime
from uuid import UUID

from pydantic import Field

from app.core.http.pagination import KeysetQuery
from app.core.http.schemas import PatchModel, RequestModel, ResponseModel
from app.extensions.users.models import Role, Status


class UserRead(ResponseModel):
    """A user in responses."""

    id: UUID
    email: str | None
    display_name: str | None
    role: Role
    status: Status
    banned_until: datetime | None
    deleted_at: datetime | None
    created_at: datetime
    updated_at: datetime
    machine: bool = Field(default=False, description="A program, and no person who signs in.")

    @property
    def is_admin(self) -> bool:
        """Whether the user may administer the application."""
        return self.role is Role.ADMIN


class UserUpdate(PatchModel):
    """The fields that users may change about themselves."""

    display_name: str | None = Field(default=None, max_length=100)


class RoleUpdate(RequestModel):
    """A new role of a user."""

    role: Role


class UserQuery(KeysetQuery):
    """Which users to list."""

    search: str | None = Field(
        default=None, max_length=100, description="Part of the e-mail address or name."
    )
    status: Status | None = None
    role: Role | None = None
