"""The rules for keys of organizations.

The keys of an organization act as one member of it, a machine, which comes with the first key. So a
key has the scope of this organization alone, does not depend on the user who has created it, and is
refused as soon as the organization is deleted.
"""

from uuid import UUID, uuid5

from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.database import Reader
from app.core.http.pagination import KeysetPage, KeysetQuery
from app.extensions.api_keys import service as keys
from app.extensions.api_keys.schemas import ApiKeyCreate, ApiKeyRead
from app.extensions.api_keys.service import ApiKey
from app.extensions.organizations.service import members, organizations, roles
from app.extensions.organizations.service.locks import lock
from app.extensions.organizations.service.scope import Scope
from app.extensions.users import service as users


def machine_of(organization_id: UUID) -> UUID:
    """Return the id of the user as whom the keys of an organization act.

    It follows from that of the organization, so no table stores it. Ids of Auth are random.
    """
    return uuid5(organization_id, "api_keys")


async def page(reader: Reader, scope: Scope, query: KeysetQuery) -> KeysetPage[ApiKeyRead]:
    """Return a page of the keys of an organization, the newest first.

    Raises:
        ForbiddenError: the caller is no admin.
    """
    scope.require(roles.ADMIN)
    return await keys.KEYS.page(reader, query, owner_id=machine_of(scope.organization_id))


async def read(reader: Reader, scope: Scope, key_id: UUID) -> ApiKeyRead:
    """Return a key of an organization.

    Raises:
        ForbiddenError: the caller is no admin.
        NotFoundError: the organization has no such key.
    """
    scope.require(roles.ADMIN)
    return await keys.KEYS.get(reader, key_id, owner_id=machine_of(scope.organization_id))


async def create(
    session: AsyncSession, scope: Scope, values: ApiKeyCreate, *, address: str
) -> tuple[ApiKey, str]:
    """Add a key of an organization; return it and its text, which is stored nowhere. Commits.

    Raises:
        ForbiddenError: the caller is no admin.
        ConflictError: it is a personal organization, or see `api_keys.service.create`.
        InvalidError: see `api_keys.service.create`.
    """
    caller = await _admin(session, scope)
    return await _create(session, caller.slug, values, address=address, actor_id=caller.user_id)


async def create_as_operator(
    session: AsyncSession, slug: str, values: ApiKeyCreate
) -> tuple[ApiKey, str]:
    """Do what `create` does, without a look at the caller.

    Raises:
        NotFoundError: there is no such organization.
        ConflictError: it is deleted, also if it can still be restored, or see `create`.
    """
    return await _create(session, slug, values, address=keys.COMMAND_LINE)


async def list_of(session: AsyncSession, slug: str) -> list[ApiKey]:
    """Return the keys of an organization, the newest first, without a look at the caller.

    Raises:
        NotFoundError: there is no such organization.
    """
    organization = await organizations.find(session, slug)
    return list(await keys.list_of(session, machine_of(organization.id)))


async def rotate(
    session: AsyncSession, scope: Scope, key_id: UUID, overlap_hours: int | None, *, address: str
) -> tuple[ApiKey, str]:
    """Replace a key of an organization, see `api_keys.service.rotate`. Commits.

    Raises:
        ForbiddenError: the caller is no admin.
        NotFoundError: the organization has no such key.
    """
    caller = await _admin(session, scope)
    machine = machine_of(caller.organization_id)
    return await keys.rotate(
        session,
        machine,
        key_id,
        overlap_hours,
        address=address,
        actor_id=caller.user_id,
        attributes=_made_by(caller.user_id),
    )


async def revoke(session: AsyncSession, scope: Scope, key_id: UUID, *, address: str) -> ApiKey:
    """End a key of an organization. Commits. Raises what `rotate` raises."""
    caller = await _admin(session, scope)
    machine = machine_of(caller.organization_id)
    return await keys.revoke(session, machine, key_id, address=address, actor_id=caller.user_id)


async def _admin(session: AsyncSession, scope: Scope) -> Scope:
    """Return the scope of an admin. Somebody who loses the role meanwhile is refused."""
    caller = await lock(session, scope)
    caller.require(roles.ADMIN)
    return caller


async def _create(
    session: AsyncSession,
    slug: str,
    values: ApiKeyCreate,
    *,
    address: str,
    actor_id: UUID | None = None,
) -> tuple[ApiKey, str]:
    organization = await organizations.find(session, slug)
    # The only member of a personal organization creates keys that act for the user.
    organizations.refuse_personal(organization)
    organizations.refuse_deleted(organization)
    machine = machine_of(organization.id)
    await users.add_machine(session, machine, _name(organization.name))
    await members.add_machine(session, organization.id, machine)
    attributes = {"organization": slug, **(_made_by(actor_id) if actor_id else {})}
    return await keys.create(
        session, machine, values, address=address, actor_id=actor_id, attributes=attributes
    )


async def rename(session: AsyncSession, *, organization_id: UUID, name: str) -> None:
    """Name the machine by the new name of its organization, if there is one. Does not commit."""
    await users.rename_machine(session, machine_of(organization_id), _name(name))


def _name(organization: str) -> str:
    return f"API keys of {organization}"


def _made_by(user_id: UUID) -> dict[str, str]:
    """Name the person who has seen the text of a key."""
    return {"created_by": str(user_id)}
