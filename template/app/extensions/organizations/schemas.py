"""Request and response models of this feature."""

import re
import unicodedata
from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, Field

from app.core.http.pagination import OffsetQuery
from app.core.http.schemas import RequestModel, ResponseModel

# They change the direction of text, so that a name looks like another one.
_DIRECTIONS = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
_ADDRESS = re.compile(r"[^\s@]{1,64}@[^\s@]{1,255}")


def _normalized(address: str) -> str:
    address = address.strip().lower()
    if not _ADDRESS.fullmatch(address):
        raise ValueError("This is no e-mail address.")
    return address


Address = Annotated[
    str, Field(max_length=320, json_schema_extra={"format": "email"}), AfterValidator(_normalized)
]


def _printable(name: str) -> str:
    if any(unicodedata.category(each) == "Cc" or each in _DIRECTIONS for each in name):
        raise ValueError("A name has no control characters.")
    return name


class OrganizationName(RequestModel):
    """The name of an organization."""

    name: Annotated[str, Field(min_length=1, max_length=100), AfterValidator(_printable)]


class OrganizationQuery(OffsetQuery):
    """Which of the caller's organizations to list."""

    deleted: bool = Field(
        default=False, description="List the deleted ones that the caller can restore instead."
    )


class OrganizationRead(ResponseModel):
    """An organization, and what the caller is in it."""

    id: UUID
    slug: str
    name: str
    personal: bool
    role: str
    created_at: datetime
    deleted_at: datetime | None


class MemberRead(ResponseModel):
    """A member."""

    user_id: UUID
    email: str | None
    display_name: str | None
    role: str
    created_at: datetime


class RolesRead(ResponseModel):
    """The roles that there are."""

    roles: list[str]


class RoleChange(RequestModel):
    """Another role of a member."""

    role: str = Field(min_length=1, max_length=30)


class Transfer(RequestModel):
    """The member who becomes owner."""

    user_id: UUID


class InvitationCreate(RequestModel):
    """Whom to invite, and as what."""

    email: Address
    role: str = Field(default="member", min_length=1, max_length=30)


class InvitationAccept(RequestModel):
    """The token of an invitation, which its link has after `#token=`."""

    token: str = Field(min_length=1, max_length=200)


class InvitationRead(ResponseModel):
    """An invitation that nobody has accepted yet."""

    id: UUID
    email: str
    role: str
    invited_by: UUID | None
    created_at: datetime
    expires_at: datetime


class InvitationSent(InvitationRead):
    """An invitation that was just made or sent again."""

    link: str | None = Field(
        description="The link to pass on; null if the address has got it by another way."
    )
