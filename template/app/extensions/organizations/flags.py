"""A flag may be different for an organization: that of the request, if the caller is a member."""

from uuid import UUID

from fastapi import Request

from app.core.database import Reader
from app.core.errors import NotFoundError
from app.extensions.organizations.deps import HEADER
from app.extensions.organizations.service import scope


async def groups(request: Request, user_id: UUID, reader: Reader) -> dict[str, str]:
    """Return the organization in the path or in the header of the request."""
    slug = request.path_params.get("organization") or request.headers.get(HEADER)
    if slug is None:
        return {}
    before = scope.current.get()
    try:
        found = await scope.by_slug(reader, user_id, slug)
    except NotFoundError:
        return {}  # the route refuses it, if it is about an organization at all
    finally:
        # A route that is not about an organization does not become one by a look at a flag.
        scope.current.set(before)
    return {"organization": str(found.organization_id)}
