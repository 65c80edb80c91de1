"""What other features use of this one outside of their `admin.py`."""

from datetime import datetime, timedelta
from typing import Any

from sqlmodel.ext.asyncio.session import AsyncSession
from starlette.requests import Request

from app.core.database.models import utcnow
from app.core.settings import load_settings
from app.extensions.admin import audit
from app.extensions.admin.models import AuditEntry as AuditEntry
from app.extensions.admin.settings import AdminSettings
from app.extensions.users.schemas import UserRead


def acting_until() -> datetime:
    """Return when somebody who starts to act for others now has to stop: ADMIN_ACT_AS_MINUTES."""
    return utcnow() + timedelta(minutes=load_settings(AdminSettings).act_as_minutes)


def record_request(
    session: AsyncSession,
    request: Request,
    user: UserRead,
    action: str,
    *,
    reason: str | None,
    **subject: Any,
) -> None:
    """Add an entry about a request to the API, which is not one of the site. Does not commit."""
    by = audit.AuditContext(
        actor_id=user.id,
        actor_email=user.email,
        address=request.client.host if request.client else "",
        reason=reason,
    )
    what = {"method": request.method, "path": request.url.path}
    audit.record(session, action, after=what, by=by, **subject)
