"""The requests of all members in an organization are counted together, see `limits.callers`.

Only members are counted, so that nobody can use up what an organization may send. A personal
organization has one member, who is counted as a user.
"""

import re
from uuid import UUID

from starlette.requests import HTTPConnection

from app.core.database import Reader
from app.extensions.organizations.deps import HEADER
from app.extensions.organizations.service import scope

TIERS = {"organization": 10.0}
LONGEST = 63  # characters of a slug

_PATH = re.compile(r"/organizations/([^/]+)")


def group_named(connection: HTTPConnection) -> str | None:
    """Return the slug in the path of a request, or in its header."""
    found = _PATH.search(connection.scope["path"])
    slug = found[1] if found else connection.headers.get(HEADER)
    return slug if slug and len(slug) <= LONGEST else None


async def group_of(reader: Reader, user_id: UUID, name: str) -> tuple[str, UUID] | None:
    """Return the organization of a member."""
    found = await scope.look(reader, user_id, name)
    return ("organization", found.organization_id) if found and not found.personal else None
