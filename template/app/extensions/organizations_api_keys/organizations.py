"""What organizations have of API keys: those of their machine, see `service`."""

from uuid import UUID

from sqlalchemy import Connection
from sqlmodel import col, select

from app.extensions.organizations.models import Member
from app.extensions.organizations.service.holdings import Holding
from app.extensions.organizations.service.scope import Scope
from app.extensions.organizations_api_keys.service import machine_of


def _machine(scope: Scope) -> UUID:
    return machine_of(scope.organization_id)


def _organization(connection: Connection, owner_id: UUID) -> UUID | None:
    """Return the organization of a machine, or None if the owner of the key is somebody else."""
    memberships = select(col(Member.organization_id)).where(col(Member.user_id) == owner_id)
    found = connection.execute(memberships).scalars()
    return next((each for each in found if machine_of(each) == owner_id), None)


HOLDINGS = (
    Holding(
        "api_keys",
        "owner_id",
        without=("secret_hash",),
        value=_machine,
        organization=_organization,
    ),
)
