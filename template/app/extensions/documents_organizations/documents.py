"""Organizations as owners of documents, see `documents.deps`.

The documents of an organization have its id as their owner. Those of a personal organization are
those of its user, so they stay where they are when this option comes or goes.
"""

from app.extensions.documents.schemas import Owner
from app.extensions.organizations.deps import NamedOrganization
from app.extensions.users.deps import CurrentUser

OWNERS = "organizations"


async def current_owner(user: CurrentUser, scope: NamedOrganization) -> Owner:
    """Return the organization of the request; without one, the caller."""
    return Owner(id=scope.holder_id if scope else user.id, user_id=user.id)
