"""Invitations: a link with a random token, for one address, which works once and expires."""

import hashlib
import secrets
from datetime import timedelta
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, delete, func, or_, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.database.models import utcnow
from app.core.errors import ConflictError, NotFoundError
from app.core.events import emit
from app.core.features import load
from app.core.http.lists import Listing
from app.core.settings import load_settings
from app.extensions.organizations.models import Invitation, Member, Organization
from app.extensions.organizations.schemas import InvitationRead, InvitationSent
from app.extensions.organizations.service import admission, roles
from app.extensions.organizations.service.locks import lock
from app.extensions.organizations.service.organizations import refuse_personal
from app.extensions.organizations.service.scope import Scope
from app.extensions.organizations.settings import OrganizationSettings
from app.extensions.users.service import get as get_user
from app.extensions.users.service import ids_by_email

INVITATIONS = Listing(Invitation, InvitationRead, scope=Invitation.organization_id)


async def invite(
    session: AsyncSession, scope: Scope, email: str, role: str, *, page: str | None = None
) -> InvitationSent:
    """Invite an address. The address may belong to a user or not: the answer is the same.

    Args:
        session: its transaction is committed.
        scope: that of the inviter.
        email: whom to invite.
        role: as what.
        page: the link is this address with the token after it; default: that of the settings.

    Raises:
        InvalidError: there is no such role.
        ForbiddenError: the caller is no admin, or no owner and invites an owner.
        ConflictError: the address is invited already or that of a member, or it is a personal
            organization.
        AppError: there is no room, see `admission`.
    """
    roles.check(role)
    caller = await lock(session, scope)
    caller.require(_inviter(role))
    refuse_personal(await session.get_one(Organization, caller.organization_id))
    for user_id in await ids_by_email(session, email):
        if await session.get(Member, (caller.organization_id, user_id)):
            raise ConflictError("This is the address of a member.", code="already_member")
    await admission.check_invitation(session, caller.organization_id, email)
    invitation = Invitation(
        organization_id=caller.organization_id,
        email=email,
        role=role,
        invited_by=caller.user_id,
        token_hash=b"",
        expires_at=utcnow(),
    )
    token = _renew(invitation)
    row = invitation.model_dump()
    statement = (
        insert(Invitation)
        .values(row)
        .on_conflict_do_update(
            index_elements=["organization_id", "email"],
            set_=row,
            where=col(Invitation.expires_at) <= utcnow(),
        )
    )
    if await session.scalar(statement.returning(col(Invitation.id))) is None:
        raise ConflictError(
            "This address is invited already: send that invitation again.",
            code="already_invited",
        )
    return await _sent(session, caller, invitation, token, page)


async def resend(
    session: AsyncSession, scope: Scope, invitation_id: UUID, *, page: str | None = None
) -> InvitationSent:
    """Send an invitation again, with a new link, as `invite` makes it; the earlier link ends.

    Raises:
        ForbiddenError: the caller is no admin, or no owner and an owner is invited.
        NotFoundError: there is no such invitation.
        AppError: there is no room, see `admission`.
    """
    caller = await lock(session, scope)
    invitation = await _get(session, caller, invitation_id)
    await admission.check_invitation(session, caller.organization_id, invitation.email)
    token = _renew(invitation)
    return await _sent(session, caller, invitation, token, page)


async def revoke(session: AsyncSession, scope: Scope, invitation_id: UUID) -> None:
    """Remove an invitation; its link ends. For its errors, see `resend`; room is always there."""
    caller = await lock(session, scope)
    await session.delete(await _get(session, caller, invitation_id))
    await session.commit()


async def accept(session: AsyncSession, user_id: UUID, token: str) -> tuple[Organization, str]:
    """Make a user a member by the token of an invitation; return the organization and the role.

    Raises:
        NotFoundError: `invitation_not_found`, there is no invitation with this token, it was used
            or revoked, or it is for another address. A finder of the link cannot tell these apart.
        ConflictError: `invitation_expired`.
        AppError: there is no room, see `admission`. The invitation stays.
    """
    email = (await get_user(session, user_id)).email
    joined_tables = col(Organization.id) == col(Invitation.organization_id)
    mine = (
        col(Invitation.token_hash) == _hash(token),
        func.lower(col(Invitation.email)) == (email or "").lower(),
        col(Organization.deleted_at).is_(None),
    )
    # Of two who join, the second waits, and counts the first. Everything else that changes members
    # locks the organization before an invitation, too.
    locked = select(Organization.id).join(Invitation, joined_tables).where(*mine)
    await session.exec(locked.with_for_update(of=Organization, key_share=True))
    found = (
        select(Invitation, Organization)
        .join(Organization, joined_tables)
        .where(*mine)
        .with_for_update(of=Invitation)  # of two requests, one accepts
    )
    row = (await session.exec(found)).one_or_none()
    if row is None:
        raise NotFoundError("There is no such invitation for you.", code="invitation_not_found")
    invitation, organization = row
    if invitation.expires_at <= utcnow():
        raise ConflictError(
            "This invitation has expired: ask for another one.", code="invitation_expired"
        )
    if await session.get(Member, (organization.id, user_id)) is None:
        await admission.check_member(session, organization.id)
    member = Member(organization_id=organization.id, user_id=user_id, role=invitation.role)
    inserted = insert(Member).values(**member.model_dump()).on_conflict_do_nothing()
    joined = await session.scalar(inserted.returning(col(Member.user_id)))
    await session.delete(invitation)
    # A member who accepts an invitation keeps the role.
    role = (await session.get_one(Member, (organization.id, user_id))).role
    if joined:
        facts = {"organization_id": organization.id, "user_id": user_id}
        await emit(session, "organizations.joined", **facts)
    await session.commit()
    return organization, role


async def remove_expired(session: AsyncSession) -> None:
    """Remove the expired invitations of all organizations. Does not commit."""
    expired = delete(Invitation).where(col(Invitation.expires_at) <= utcnow())
    await session.exec(expired, execution_options={"all_organizations": True})


async def withdraw(session: AsyncSession, member: Member) -> None:
    """Remove the invitations by a member and for the address of a member. Does not commit.

    Otherwise somebody who loses a role would get it back by a link from before, or by that of
    another account. An `accept` that runs at this moment ends first, and after that this returns.
    """
    email = (await get_user(session, member.user_id)).email or ""
    await session.exec(
        delete(Invitation).where(
            col(Invitation.organization_id) == member.organization_id,
            or_(
                col(Invitation.invited_by) == member.user_id,
                func.lower(col(Invitation.email)) == email.lower(),
            ),
        )
    )


async def _get(session: AsyncSession, scope: Scope, invitation_id: UUID) -> Invitation:
    scope.require(roles.ADMIN)
    statement = select(Invitation).where(
        col(Invitation.organization_id) == scope.organization_id,
        col(Invitation.id) == invitation_id,
    )
    # Somebody may accept it at this moment, which removes it.
    invitation = (await session.exec(statement.with_for_update())).one_or_none()
    if invitation is None:
        raise NotFoundError("There is no such invitation.", code="invitation_not_found")
    scope.require(_inviter(invitation.role))
    return invitation


def _inviter(role: str) -> str:
    """Return the role that may invite somebody with a role."""
    return roles.OWNER if role == roles.OWNER else roles.ADMIN


def _renew(invitation: Invitation) -> str:
    """Give an invitation a new token and its full time; return the token."""
    token = secrets.token_urlsafe(32)
    invitation.token_hash = _hash(token)
    days = load_settings(OrganizationSettings).invitation_days
    invitation.expires_at = utcnow() + timedelta(days=days)
    return token


async def _sent(
    session: AsyncSession, scope: Scope, invitation: Invitation, token: str, page: str | None
) -> InvitationSent:
    """Hand the link to the features that deliver it, or answer it if there is none."""
    link = f"{page or f'{load_settings(OrganizationSettings).invitation_url}#token='}{token}"
    modules = [module for _, module in load("organizations")]
    deliverers = [each.deliver for each in modules if hasattr(each, "deliver")]
    for deliver in deliverers:
        await deliver(session, scope, email=invitation.email, link=link)
    read = InvitationRead.model_validate(invitation)
    await session.commit()
    return InvitationSent(**read.model_dump(), link=None if deliverers else link)


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
