"""Organizations as holders of accounts, see `credits.service.holders`.

The account of an organization has the organization's id. The account of a personal organization is
that of its user, so the credits of users stay where they are when this option comes or goes.
"""

from uuid import UUID

from sqlalchemy.orm import Session

from app.core.tasks import TaskError
from app.extensions.credits.service.holders import Holder, Opening
from app.extensions.organizations.deps import NamedOrganization
from app.extensions.organizations.service import lookup, roles
from app.extensions.organizations.service.scope import current
from app.extensions.users.deps import UserOrMachine

HOLDERS = "organizations"

# The migration creates it, without an allocation: a user may create any number of organizations.
TIER = "organization"

# A member with this role, which ORGANIZATIONS_ROLES can add, sees the ledger too.
BILLING = "billing"


async def current_holder(user: UserOrMachine, scope: NamedOrganization) -> Holder:
    """Return the organization of the request; without one, the caller."""
    if scope is None:
        return Holder(user.id)
    return Holder(scope.holder_id, manages=roles.allows(scope.role, BILLING))


def payer(session: Session, user_id: UUID) -> UUID | None:  # noqa: ARG001 - see `holders`
    """Return the account of the organization that the running code works for, if any.

    Raises:
        TaskError: the organization was removed.
    """
    organization = current.get()
    if organization is None:
        return None
    found = lookup.by_id(session, UUID(organization))
    if found is None:
        raise TaskError("The organization that pays does not exist any more.")
    return found.personal_of or found.id


def opening(session: Session, holder_id: UUID) -> Opening | None:
    """Let the account of an organization start empty, as everybody can create organizations."""
    return Opening(TIER, welcome=0) if lookup.by_id(session, holder_id) else None


def find(session: Session, holder: UUID | str) -> UUID | None:
    """Return the account of an organization, by its id or its slug."""
    if isinstance(holder, UUID):
        found = lookup.by_id(session, holder)
    else:
        found = lookup.by_slug(session, holder)
    return (found.personal_of or found.id) if found else None
