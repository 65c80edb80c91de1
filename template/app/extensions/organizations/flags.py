"""A flag may be different for an organization: that of the request, if the caller is a member."""

from uuid import UUID

from fastapi import Request

from app.core.database import Reader
from app.extensions.organizations.deps import HEADER
from app.extensions.organizations.service import scope


async def groups(request: Request, user_id: UUID, reader: Reader) -> dict[str, str]:
    """Return the organization in the path or in the header of the request."""
    slug = request.path_params.get("organization") or request.headers.get(HEADER)
    if slug is None:
        return {}
    # A route that is not about an organization does not become one by a look at a flag. If the
    # caller is no member, the route refuses it, if it is about an organization at all.
    found = await scope.look(reader, user_id, slug)
    return {"organization": str(found.organization_id)} if found else {}
