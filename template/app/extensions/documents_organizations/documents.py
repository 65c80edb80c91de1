"""Organizations as owners of documents, see `documents.deps`.

The documents of an organization have its id as their owner. Those of a personal organization are
those of its user, so they stay where they are when this option comes or goes.
"""

from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from app.extensions.documents.schemas import Owner
from app.extensions.organizations.deps import NamedOrganization
from app.extensions.organizations.service.scope import of_member
from app.extensions.users.deps import UserOrMachine

OWNERS = "organizations"


async def may_read(session: AsyncSession, owner_id: UUID, user_id: UUID) -> bool:
    """Return whether the user is a member of the organization now."""
    return await of_member(session, owner_id, user_id) is not None


async def current_owner(user: UserOrMachine, scope: NamedOrganization) -> Owner:
    """Return the organization of the request; without one, the caller."""
    return Owner(id=scope.holder_id if scope else user.id, user_id=user.id)
