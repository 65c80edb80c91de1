"""The header of each page: in which organization the visitor works, and the way to the others."""

from typing import Any

from fastapi import Request

from app.core.database import database_of
from app.extensions.organizations.service import organizations
from app.extensions.pages.organizations import last_slug
from app.extensions.pages.visitors import active_user


async def header(request: Request) -> dict[str, Any]:
    """Return the organizations of the visitor, and the current one: the last, or the oldest."""
    user = await active_user(request)
    if user is None:
        return {}
    reader = database_of(request).reader
    found = await organizations.few_of_user(reader, user.id, last_slug(request) or "")
    for slug, name in found.items():
        return {"organizations": found, "organization": slug, "organization_name": name}
    return {"organizations": found, "organization_name": ""}
