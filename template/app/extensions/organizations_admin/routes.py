"""`/organizations/{organization}/support-visits`: who of the support team was there."""

from typing import Annotated

from fastapi import APIRouter, Query

from app.core.database import DatabaseReader
from app.core.http.pagination import KeysetPage, KeysetQuery
from app.extensions.organizations.deps import CurrentOrganization
from app.extensions.organizations_admin import service
from app.extensions.organizations_admin.schemas import VisitRead

PATH = "organizations/{organization}/support-visits"

router = APIRouter()


@router.get("", summary="List visits of the support team")
async def list_visits(
    scope: CurrentOrganization, query: Annotated[KeysetQuery, Query()], reader: DatabaseReader
) -> KeysetPage[VisitRead]:
    """The visits, newest first, with their reasons. For admins of the organization."""
    return await service.page(reader, scope, query)
