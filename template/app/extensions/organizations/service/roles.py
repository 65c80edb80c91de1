"""Roles of members: those of the template, and those that ORGANIZATIONS_ROLES adds."""

from app.core.errors import InvalidError
from app.core.settings import load_settings
from app.extensions.organizations.settings import OrganizationSettings

OWNER, ADMIN, MEMBER = "owner", "admin", "member"


def known() -> list[str]:
    """Return all roles."""
    added = load_settings(OrganizationSettings).roles
    return list(dict.fromkeys((OWNER, ADMIN, MEMBER, *added)))


def check(role: str) -> str:
    """Return a role that exists.

    Raises:
        InvalidError: `unknown_role`.
    """
    if role not in known():
        raise InvalidError(
            f"There is no role '{role}'; there are: {', '.join(known())}.", code="unknown_role"
        )
    return role


def allows(role: str, *admitted: str) -> bool:
    """Return whether a role may do what these roles may do.

    An owner may do everything, and an admin everything that is not left to owners.
    """
    return role in admitted or role == OWNER or (role == ADMIN and OWNER not in admitted)
