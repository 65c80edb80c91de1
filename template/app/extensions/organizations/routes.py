"""`/organizations`: those of the caller, their members and their invitations."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request

from app.core.database import DatabaseReader, DatabaseSession, database_of
from app.core.http.pagination import KeysetPage, KeysetQuery, OffsetPage, OffsetQuery
from app.core.http.streams import Stream
from app.extensions.organizations.deps import CurrentOrganization, Slug
from app.extensions.organizations.models import Organization
from app.extensions.organizations.schemas import (
    InvitationAccept,
    InvitationCreate,
    InvitationRead,
    InvitationSent,
    MemberRead,
    OrganizationName,
    OrganizationQuery,
    OrganizationRead,
    RoleChange,
    RolesRead,
    Transfer,
)
from app.extensions.organizations.service import (
    export,
    invitations,
    members,
    organizations,
    roles,
)
from app.extensions.users.deps import CurrentUser

router = APIRouter()


@router.get("", summary="List my organizations")
async def list_organizations(
    user: CurrentUser,
    query: Annotated[OrganizationQuery, Query()],
    reader: DatabaseReader,
) -> OffsetPage[OrganizationRead]:
    """A page of the organizations of which the caller is a member, or of those to restore."""
    return await organizations.of_user(reader, user.id, query)


@router.post("", status_code=201, summary="Create an organization")
async def create_organization(
    user: CurrentUser, body: OrganizationName, session: DatabaseSession
) -> OrganizationRead:
    """Create an organization, which the caller owns."""
    return _read(await organizations.create(session, user.id, body.name), roles.OWNER)


@router.post("/personal", summary="Get my personal organization")
async def ensure_personal(user: CurrentUser, session: DatabaseSession) -> OrganizationRead:
    """The organization of the caller alone; it is created if there is none yet."""
    return _read(await organizations.personal(session, user.id), roles.OWNER)


@router.post("/accept-invitation", summary="Accept an invitation")
async def accept_invitation(
    user: CurrentUser, body: InvitationAccept, session: DatabaseSession
) -> OrganizationRead:
    """Become a member by the token of an invitation for the caller's address."""
    organization, role = await invitations.accept(session, user.id, body.token)
    return _read(organization, role)


@router.get("/roles", summary="List roles")
async def list_roles(_: CurrentUser) -> RolesRead:
    """The roles that members can have, also those of ORGANIZATIONS_ROLES."""
    return RolesRead(roles=roles.known())


@router.get("/{organization}", summary="Read an organization")
async def read_organization(
    scope: CurrentOrganization, session: DatabaseSession
) -> OrganizationRead:
    """The organization, and the caller's role in it."""
    return _read(await organizations.get(session, scope), scope.role)


@router.patch("/{organization}", summary="Rename an organization")
async def rename_organization(
    scope: CurrentOrganization, body: OrganizationName, session: DatabaseSession
) -> OrganizationRead:
    """Change the name. For admins."""
    return _read(await organizations.rename(session, scope, body.name), scope.role)


@router.delete("/{organization}", status_code=204, summary="Delete an organization")
async def delete_organization(scope: CurrentOrganization, session: DatabaseSession) -> None:
    """Delete the organization; an owner can restore it for some days. For owners."""
    await organizations.delete(session, scope)


@router.post("/{organization}/restore", summary="Restore an organization")
async def restore_organization(
    user: CurrentUser, organization: Slug, session: DatabaseSession
) -> OrganizationRead:
    """Undo the deletion. For owners."""
    return _read(await organizations.restore(session, user.id, organization), roles.OWNER)


@router.get("/{organization}/export", summary="Export an organization")
async def export_organization(scope: CurrentOrganization, request: Request) -> Stream:
    """All rows of the organization as one JSON document, by table. For owners."""
    return Stream(
        export.document(database_of(request), scope),
        media_type="application/json",
        headers={"Content-Disposition": f'attachment; filename="{scope.slug}.json"'},
    )


@router.post("/{organization}/leave", status_code=204, summary="Leave an organization")
async def leave_organization(scope: CurrentOrganization, session: DatabaseSession) -> None:
    """Leave the organization. The last owner cannot leave."""
    await members.remove(session, scope, scope.user_id)


@router.post("/{organization}/transfer", status_code=204, summary="Transfer an organization")
async def transfer_organization(
    scope: CurrentOrganization, body: Transfer, session: DatabaseSession
) -> None:
    """Make another member owner; the caller becomes an admin. For owners."""
    await members.transfer(session, scope, body.user_id)


@router.get("/{organization}/members", summary="List members")
async def list_members(
    scope: CurrentOrganization, query: Annotated[OffsetQuery, Query()], reader: DatabaseReader
) -> OffsetPage[MemberRead]:
    """A page of the members, in the order in which they joined."""
    return await members.list_page(reader, scope, query)


@router.patch("/{organization}/members/{user_id}", status_code=204, summary="Change a role")
async def set_role(
    scope: CurrentOrganization, user_id: UUID, body: RoleChange, session: DatabaseSession
) -> None:
    """Give a member another role. For admins; only owners change owners."""
    await members.set_role(session, scope, user_id, body.role)


@router.delete("/{organization}/members/{user_id}", status_code=204, summary="Remove a member")
async def remove_member(
    scope: CurrentOrganization, user_id: UUID, session: DatabaseSession
) -> None:
    """Remove a member at once. For admins; only owners remove owners."""
    await members.remove(session, scope, user_id)


@router.get("/{organization}/invitations", summary="List invitations")
async def list_invitations(
    scope: CurrentOrganization, query: Annotated[KeysetQuery, Query()], reader: DatabaseReader
) -> KeysetPage[InvitationRead]:
    """A page of the open invitations, newest first. For admins."""
    scope.require(roles.ADMIN)
    return await invitations.INVITATIONS.page(reader, query, organization_id=scope.organization_id)


@router.post("/{organization}/invitations", status_code=201, summary="Invite somebody")
async def invite(
    scope: CurrentOrganization, body: InvitationCreate, session: DatabaseSession
) -> InvitationSent:
    """Invite an address. For admins; only owners invite owners."""
    return await invitations.invite(session, scope, body.email, body.role)


@router.post("/{organization}/invitations/{invitation_id}/resend", summary="Invite again")
async def resend_invitation(
    scope: CurrentOrganization, invitation_id: UUID, session: DatabaseSession
) -> InvitationSent:
    """Send an invitation again with a new link. For admins."""
    return await invitations.resend(session, scope, invitation_id)


@router.delete(
    "/{organization}/invitations/{invitation_id}", status_code=204, summary="Revoke an invitation"
)
async def revoke_invitation(
    scope: CurrentOrganization, invitation_id: UUID, session: DatabaseSession
) -> None:
    """Revoke an invitation. For admins."""
    await invitations.revoke(session, scope, invitation_id)


def _read(organization: Organization, role: str) -> OrganizationRead:
    return OrganizationRead(
        id=organization.id,
        slug=organization.slug,
        name=organization.name,
        personal=organization.personal_of is not None,
        role=role,
        created_at=organization.created_at,
        deleted_at=organization.deleted_at,
    )
