"""Response models of this feature."""

from datetime import datetime
from uuid import UUID

from app.core.http.schemas import ResponseModel


class VisitRead(ResponseModel):
    """A visit, as the admins of the organization see it."""

    id: UUID
    visitor_email: str | None
    reason: str | None
    created_at: datetime
    expires_at: datetime
