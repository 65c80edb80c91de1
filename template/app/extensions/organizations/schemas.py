"""Request and response models of this feature."""

import re
from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, Field

from app.core.http.schemas import RequestModel, ResponseModel

_ADDRESS = re.compile(r"[^\s@]{1,64}@[^\s@]{1,255}")


def _normalized(address: str) -> str:
    address = address.strip().lower()
    if not _ADDRESS.fullmatch(address):
        raise ValueError("this is no e-mail address")
    return address


Address = Annotated[
    str, Field(max_length=320, json_schema_extra={"format": "email"}), AfterValidator(_normalized)
]


class OrganizationName(RequestModel):
    """The name of an organization."""

    name: str = Field(min_length=1, max_length=100)


class OrganizationRead(ResponseModel):
    """An organization, and what the caller is in it."""

    id: UUID
    slug: str
    name: str
    personal: bool
    role: str
    created_at: datetime


class MemberRead(ResponseModel):
    """A member."""

    user_id: UUID
    email: str | None
    display_name: str | None
    role: str
    created_at: datetime


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
