"""The members of an organization. It always keeps an owner."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.database import Reader
from app.core.errors import ConflictError, NotFoundError
from app.core.events import emit
from app.core.http.pagination import OffsetPage, OffsetQuery
from app.core.logging import get_logger
from app.extensions.organizations.models import Member, Organization
from app.extensions.organizations.schemas import MemberRead
from app.extensions.organizations.service import invitations, pages, roles
from app.extensions.organizations.service.locks import lock, lock_owned
from app.extensions.organizations.service.organizations import find, refuse_personal
from app.extensions.organizations.service.scope import Scope
from app.extensions.users.service import any_active, get_many

log = get_logger(__name__)


async def list_page(reader: Reader, scope: Scope, query: OffsetQuery) -> OffsetPage[MemberRead]:
    """Return a page of the members, in the order in which they joined."""
    members = (
        select(Member)
        .where(col(Member.organization_id) == scope.organization_id)
        .order_by(col(Member.created_at), col(Member.user_id))
    )
    page = await pages.read(reader, members, query)
    users = await get_many(reader, [member["user_id"] for member in page["items"]])
    # A user who was removed between the two reads is no member any more.
    page["items"] = [
        {**member, "email": user.email, "display_name": user.display_name}
        for member in page["items"]
        if (user := users.get(member["user_id"]))
    ]
    return OffsetPage[MemberRead].model_validate(page)


async def read(reader: Reader, scope: Scope, user_id: UUID) -> MemberRead:
    """Return a member.

    Raises:
        NotFoundError: `member_not_found`.
    """
    found = select(Member).where(
        col(Member.organization_id) == scope.organization_id, col(Member.user_id) == user_id
    )
    for member in await reader.rows(found):
        if user := (await get_many(reader, [user_id])).get(user_id):
            named = {"email": user.email, "display_name": user.display_name}
            return MemberRead.model_validate({**member, **named})
    raise _not_found()


async def set_role(session: AsyncSession, scope: Scope, user_id: UUID, role: str) -> Member:
    """Give a member another role.

    Raises:
        InvalidError: there is no such role.
        ForbiddenError: the caller is no admin, or no owner and it is about an owner.
        NotFoundError: there is no such member.
        ConflictError: no owner would be left.
    """
    roles.check(role)
    caller = await lock(session, scope)
    member = await _get(session, caller, user_id)
    caller.require(roles.OWNER if roles.OWNER in (role, member.role) else roles.ADMIN)
    if role not in (roles.OWNER, member.role):
        await _ensure_other_owner(session, member)
        await invitations.withdraw(session, member)
    member.role = role
    await session.commit()
    return member


async def transfer(session: AsyncSession, scope: Scope, user_id: UUID) -> None:
    """Make another member owner; the caller becomes an admin.

    Raises:
        ForbiddenError: the caller is no owner.
        NotFoundError: there is no such member.
        ConflictError: the member is the caller, or cannot sign in.
    """
    caller = await lock(session, scope)
    caller.require(roles.OWNER)
    if user_id == caller.user_id:
        raise ConflictError("You are the owner already.", code="already_owner")
    heir = await _get(session, caller, user_id)
    member = await _get(session, caller, caller.user_id)
    await invitations.withdraw(session, member)
    heir.role = roles.OWNER
    await _ensure_other_owner(session, member)
    member.role = roles.ADMIN
    await session.commit()


async def remove(session: AsyncSession, scope: Scope, user_id: UUID) -> None:
    """Remove a member; everybody may remove themselves. It takes effect with the next request.

    Raises:
        ForbiddenError: the caller is no admin, or no owner and it is about an owner.
        NotFoundError: there is no such member.
        ConflictError: no owner would be left, or it is a personal organization.
    """
    caller = await lock(session, scope)
    member = await _get(session, caller, user_id)
    if user_id != caller.user_id:
        caller.require(roles.OWNER if member.role == roles.OWNER else roles.ADMIN)
    refuse_personal(await session.get_one(Organization, caller.organization_id))
    await _ensure_other_owner(session, member)
    await invitations.withdraw(session, member)
    await session.delete(member)
    await emit(
        session, "organizations.left", organization_id=caller.organization_id, user_id=user_id
    )
    await session.commit()


async def own(session: AsyncSession, slug: str, user_id: UUID) -> None:
    """Make a user owner, without a look at the caller: for operators.

    Raises:
        NotFoundError: there is no such organization.
        ConflictError: it is a personal organization.
    """
    organization = await find(session, slug)
    refuse_personal(organization)
    if member := await session.get(Member, (organization.id, user_id)):
        member.role = roles.OWNER
    else:
        session.add(Member(organization_id=organization.id, user_id=user_id, role=roles.OWNER))
        facts = {"organization_id": organization.id, "user_id": user_id}
        await emit(session, "organizations.joined", **facts)
    await session.commit()


async def add_machine(session: AsyncSession, organization_id: UUID, user_id: UUID) -> None:
    """Make a machine a member, unless it is one. Does not commit.

    Its role is `member`, and admins can change that. A machine never counts as the last owner.
    """
    member = Member(organization_id=organization_id, user_id=user_id, role=roles.MEMBER)
    await session.exec(insert(Member).values(**member.model_dump()).on_conflict_do_nothing())


async def owner_excluded(session: AsyncSession, user_id: UUID) -> None:
    """Handle that a user can no longer sign in, in the transaction in which that happens.

    A ban in Auth is committed before: owners who leave later read it in the row of the user.

    Another owner who leaves at the same time waits for this transaction, sees its outcome, and has
    to stay. An owner who has left before is gone: then a warning names the organization, for which
    an operator has to name an owner (`own`). Operators can suspend every user, the only owner too.
    """
    for organization in await lock_owned(session, user_id):
        if not await any_active(session, await _owners(session, organization.id)):
            log.warning("organization_without_owner", slug=organization.slug)


async def refuse_last_owner(session: AsyncSession, user_id: UUID) -> None:
    """Handle that a person wants to delete the own account, in the transaction of the deletion.

    Organizations that are deleted already do not count, nor does the personal one.

    Raises:
        ConflictError: the person is the last owner of an organization who can sign in.
    """
    for organization in await lock_owned(session, user_id):
        owners = await _owners(session, organization.id)
        others = [each for each in owners if each != user_id]
        if organization.deleted_at is None and not await any_active(session, others):
            raise ConflictError(
                f"You are the last owner of {organization.name}: make another member owner, or "
                "delete this organization, before you delete your account.",
                code="last_owner",
            )


async def _owners(session: AsyncSession, organization_id: UUID) -> Sequence[UUID]:
    owners = select(Member.user_id).where(
        col(Member.organization_id) == organization_id, col(Member.role) == roles.OWNER
    )
    return (await session.exec(owners)).all()


async def _get(session: AsyncSession, scope: Scope, user_id: UUID) -> Member:
    member = await session.get(Member, (scope.organization_id, user_id))
    if member is None:
        raise _not_found()
    return member


def _not_found() -> NotFoundError:
    return NotFoundError("There is no such member.", code="member_not_found")


async def _ensure_other_owner(session: AsyncSession, member: Member) -> None:
    """Refuse to lose the last owner who can sign in; the caller holds the organization's lock."""
    if member.role != roles.OWNER:
        return
    owners = await _owners(session, member.organization_id)
    if not await any_active(session, [each for each in owners if each != member.user_id]):
        raise ConflictError(
            "This is the last owner who can sign in: make another member owner first.",
            code="last_owner",
        )
