"""Organizations as holders of subscriptions, see `billing.service.holders`.

What a personal organization pays for is that of its user, so it stays where it is when this option
comes or goes.
"""

from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from app.extensions.billing.service.holders import Contact, Holder
from app.extensions.organizations.deps import NamedOrganization
from app.extensions.organizations.service import admission, contacts, roles
from app.extensions.users.deps import CurrentUser
from app.extensions.users.service import get

HOLDERS = "organizations"

# A member with this role, which ORGANIZATIONS_ROLES can add, buys and cancels too.
BILLING = "billing"


async def current_holder(user: CurrentUser, scope: NamedOrganization) -> Holder:
    """Return the organization of the request; without one, the caller."""
    if scope is None:
        return Holder(user.id)
    return Holder(scope.holder_id, manages=roles.allows(scope.role, BILLING))


async def contact(session: AsyncSession, holder_id: UUID) -> Contact | None:
    """Return the name of an organization, and the address of its first owner."""
    found = await contacts.find(session, holder_id)
    if found is None:
        return None
    owners = await contacts.members_with(session, holder_id, [roles.OWNER])
    email = (await get(session, owners[0])).email if owners else None
    return Contact(email, found.name, gone=found.deleted)


async def managers(session: AsyncSession, holder_id: UUID) -> list[UUID]:
    """Return the members who manage payments."""
    admitted = [roles.OWNER, roles.ADMIN, BILLING]
    return await contacts.members_with(session, holder_id, admitted)


async def people(session: AsyncSession, holder_id: UUID) -> int:
    """Return the number of members, without machines."""
    return await admission.people(session, holder_id)
