"""Organizations as accounts of the billing pages, see `billing_pages.service`."""

from uuid import UUID

from fastapi import Request

from app.core.database import Reader
from app.extensions.billing.service.holders import Holder
from app.extensions.billing_organizations.billing import BILLING
from app.extensions.billing_pages.service import Account
from app.extensions.organizations.schemas import OrganizationQuery
from app.extensions.organizations.service import organizations, roles, scope

MOST = 100  # organizations of a user among which the pages let choose


async def accounts(reader: Reader, user_id: UUID) -> list[Account]:
    """Return the organizations of a user; the personal one pays with the user."""
    found = await organizations.of_user(reader, user_id, OrganizationQuery(limit=MOST))
    return [
        Account(each.slug, each.name, Holder(each.id, manages=roles.allows(each.role, BILLING)))
        for each in found.items
        if not each.personal
    ]


async def account(reader: Reader, user_id: UUID, key: str) -> Account:
    """Return an organization of a user by its slug.

    Raises:
        NotFoundError: `organization_not_found`.
    """
    found = await scope.by_slug(reader, user_id, key)
    manages = roles.allows(found.role, BILLING)
    return Account(key, found.name, Holder(found.holder_id, manages=manages))


def named(request: Request) -> str | None:
    """Return the slug in the path of a page."""
    slug: str | None = request.path_params.get("organization")
    return slug
