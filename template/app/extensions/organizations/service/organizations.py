"""Organizations: created, renamed, deleted, restored and removed."""

import re
import secrets
import unicodedata
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, bindparam
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.database import Reader
from app.core.database.models import utcnow
from app.core.errors import ConflictError, ForbiddenError
from app.core.events import emit
from app.core.http.pagination import OffsetPage
from app.core.settings import load_settings
from app.extensions.organizations.models import Member, Organization
from app.extensions.organizations.schemas import OrganizationQuery, OrganizationRead
from app.extensions.organizations.service import pages, roles
from app.extensions.organizations.service.locks import lock
from app.extensions.organizations.service.scope import Scope, not_found, within
from app.extensions.organizations.settings import OrganizationSettings
from app.extensions.users.service import get as get_user
from app.extensions.users.service import ids_with_email

PERSONAL = "Personal"

# Every page of a browser reads them, so the statement is compiled once.
_FEW = (
    select(Organization.slug, Organization.name)
    .join(Member, col(Member.organization_id) == col(Organization.id))
    .where(
        col(Member.user_id) == bindparam("user_id"),
        col(Organization.deleted_at).is_(None),
    )
    .order_by(
        (col(Organization.slug) == bindparam("first")).desc(),
        col(Organization.created_at),
        col(Organization.id),
    )
    .limit(10)
)

_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"  # without those that look alike


async def of_user(
    reader: Reader, user_id: UUID, query: OrganizationQuery
) -> OffsetPage[OrganizationRead]:
    """Return a page of the organizations of a user, or of those to restore, the oldest first."""
    restorable = (col(Organization.deleted_at) >= _deadline(), col(Member.role) == roles.OWNER)
    wanted = restorable if query.deleted else (col(Organization.deleted_at).is_(None),)
    mine = (
        select(
            Organization,
            col(Organization.personal_of).is_not(None).label("personal"),
            col(Member.role),
        )
        .join(Member, col(Member.organization_id) == col(Organization.id))
        .where(col(Member.user_id) == user_id, *wanted)
        .order_by(col(Organization.created_at), col(Organization.id))
    )
    return OffsetPage[OrganizationRead].model_validate(await pages.read(reader, mine, query))


async def few_of_user(reader: Reader, user_id: UUID, first: str) -> dict[str, str]:
    """Return up to ten organizations of a user, slug to name.

    That with the slug `first` is the first one, if the user is a member; then come the oldest.
    """
    rows = await reader.rows(_FEW, {"user_id": user_id, "first": first})
    return {row["slug"]: row["name"] for row in rows}


async def create(session: AsyncSession, user_id: UUID, name: str) -> Organization:
    """Create an organization, whose owner is the user."""
    organization = Organization(slug=_slug(name), name=name)
    session.add(organization)
    await session.flush()
    await _own(session, organization.id, user_id)
    await session.commit()
    return organization


async def ensure_personal(session: AsyncSession, user_id: UUID) -> bool:
    """Create the personal organization of a user, unless there is one. Does not commit.

    A user without an e-mail address may be anonymous, and anonymous sign-ins are not limited. Such
    a user gets none.

    Returns:
        Whether this call created it.
    """
    email = (await get_user(session, user_id)).email
    if not email:
        return False
    personal = Organization(slug=_slug(email.partition("@")[0]), name=PERSONAL, personal_of=user_id)
    # Two first requests may run at the same time.
    statement = insert(Organization).values(**personal.model_dump())
    inserted = statement.on_conflict_do_nothing(index_elements=["personal_of"])
    created = await session.scalar(inserted.returning(col(Organization.id)))
    if created:
        await _own(session, created, user_id)
    return bool(created)


async def personal(session: AsyncSession, user_id: UUID) -> Organization:
    """Return the personal organization of a user, and create it if there is none.

    Raises:
        ConflictError: the user has no e-mail address.
    """
    await ensure_personal(session, user_id)
    await session.commit()
    statement = select(Organization).where(col(Organization.personal_of) == user_id)
    organization = (await session.exec(statement)).one_or_none()
    if organization is None:
        raise ConflictError("Add an e-mail address to your account first.", code="email_required")
    return organization


async def create_missing(session: AsyncSession) -> int:
    """Create the personal organizations that users lack; return how many. Commits each."""
    created = 0
    existing = set(await session.exec(select(Organization.personal_of)))
    for user_id in set(await ids_with_email(session)) - existing:
        created += await ensure_personal(session, user_id)
        await session.commit()
    return created


async def get(session: AsyncSession, scope: Scope) -> Organization:
    """Return the organization of a scope."""
    return await session.get_one(Organization, scope.organization_id)


async def find(session: AsyncSession, slug: str) -> Organization:
    """Return an organization, also a deleted one, locked, without a look at the caller.

    Raises:
        NotFoundError: `organization_not_found`.
    """
    found = select(Organization).where(col(Organization.slug) == slug)
    organization = (await session.exec(found.with_for_update(key_share=True))).one_or_none()
    if organization is None:
        raise not_found()
    return organization


async def rename(session: AsyncSession, scope: Scope, name: str) -> Organization:
    """Change the name; the slug stays.

    Raises:
        ForbiddenError: the caller is no admin.
    """
    (await lock(session, scope)).require(roles.ADMIN)
    return await set_name(session, scope.organization_id, name)


async def set_name(session: AsyncSession, organization_id: UUID, name: str) -> Organization:
    """Change the name, without a look at the caller. Commits.

    A change emits `organizations.renamed` in the same transaction.

    Raises:
        NotFoundError: the organization does not exist.
    """
    organization = await session.get(
        Organization, organization_id, with_for_update={"key_share": True}, populate_existing=True
    )
    if organization is None:
        raise not_found()
    if name != organization.name:
        organization.name = name
        await session.flush()
        await emit(session, "organizations.renamed", organization_id=organization_id, name=name)
    await session.commit()
    return organization


async def delete(session: AsyncSession, scope: Scope) -> None:
    """Delete an organization: it can be restored until the schedule removes it.

    Raises:
        ForbiddenError: the caller is no owner.
        ConflictError: it is a personal organization.
    """
    (await lock(session, scope)).require(roles.OWNER)
    await set_deleted(session, scope.organization_id, deleted=True)


async def restore(session: AsyncSession, user_id: UUID, slug: str) -> Organization:
    """Undo a deletion.

    Raises:
        NotFoundError: the caller is no member of a deleted organization with this slug, or its
            time is over.
        ForbiddenError: the caller is no owner of it.
    """
    found = (
        select(Organization, col(Member.role))
        .join(Member, col(Member.organization_id) == col(Organization.id))
        .where(
            col(Organization.slug) == slug,
            col(Organization.deleted_at) >= _deadline(),
            col(Member.user_id) == user_id,
        )
    )
    row = (await session.exec(found)).one_or_none()
    if row is None:
        raise not_found()
    organization, role = row
    if role != roles.OWNER:
        raise ForbiddenError("This requires the role owner.", code="role_required")
    return await set_deleted(session, organization.id, deleted=False)


async def set_deleted(
    session: AsyncSession, organization_id: UUID, *, deleted: bool
) -> Organization:
    """Delete or restore an organization, without a look at the caller.

    What is deleted or restored already stays as it is: its time does not start again.

    Raises:
        NotFoundError: it does not exist, or the schedule has removed it meanwhile.
        ConflictError: it is a personal organization.
    """
    organization = await session.get(
        Organization, organization_id, with_for_update=True, populate_existing=True
    )
    if organization is None:
        raise not_found()
    refuse_personal(organization)
    if deleted is (organization.deleted_at is not None):
        return organization
    organization.deleted_at = utcnow() if deleted else None
    event = "organizations.deleted" if deleted else "organizations.restored"
    await emit(session, event, organization_id=organization_id)
    await session.commit()
    return organization


async def due(session: AsyncSession) -> list[UUID]:
    """Return the organizations whose time has come, the longest deleted first."""
    statement = select(Organization.id).where(_is_due()).order_by(col(Organization.deleted_at))
    return list(await session.exec(statement))


async def purge_one(session: AsyncSession, organization_id: UUID) -> bool:
    """Remove an organization with all its rows, if its time has come. Does not commit.

    The event `organizations.purged` comes first, so that features can read their rows.

    Returns:
        Whether it was removed: it may be restored, or removed already.
    """
    statement = select(Organization).where(col(Organization.id) == organization_id, _is_due())
    organization = (await session.exec(statement.with_for_update())).one_or_none()
    if organization is None:
        return False
    await _purge(session, organization)
    return True


async def purge_personal(session: AsyncSession, user_id: UUID) -> None:
    """Remove the personal organization of a user who is deleted, as `purge_one` does."""
    mine = select(Organization).where(Organization.personal_of == user_id).with_for_update()
    if organization := (await session.exec(mine)).first():
        await _purge(session, organization)


async def _purge(session: AsyncSession, organization: Organization) -> None:
    with within(organization.id):
        await emit(session, "organizations.purged", organization_id=organization.id)
    await session.delete(organization)
    await session.flush()


def refuse_personal(organization: Organization) -> None:
    """Refuse what makes no sense for the organization of one user.

    Raises:
        ConflictError: `personal_organization`.
    """
    if organization.personal_of:
        raise ConflictError(
            "This is a personal organization: it has one member and is not deleted.",
            code="personal_organization",
        )


def refuse_deleted(organization: Organization) -> None:
    """Refuse what makes no sense for an organization that is closed.

    Raises:
        ConflictError: `organization_deleted`.
    """
    if organization.deleted_at:
        raise ConflictError(
            "This organization is deleted. Restore it first.", code="organization_deleted"
        )


def _is_due() -> ColumnElement[bool]:
    return col(Organization.deleted_at) < _deadline()


def _deadline() -> datetime:
    """Return the time of the earliest deletion that can be undone."""
    return utcnow() - timedelta(days=load_settings(OrganizationSettings).deletion_days)


async def _own(session: AsyncSession, organization_id: UUID, user_id: UUID) -> None:
    session.add(Member(organization_id=organization_id, user_id=user_id, role=roles.OWNER))
    await session.flush()
    await emit(session, "organizations.created", organization_id=organization_id, user_id=user_id)


def _slug(name: str) -> str:
    """Return the words of a name in ASCII, and random characters."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    words = re.sub(r"[^a-z0-9]+", "-", plain)[:40].strip("-") or "org"
    return f"{words}-{''.join(secrets.choice(_ALPHABET) for _ in range(8))}"
