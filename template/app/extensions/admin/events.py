"""What happens to API keys outside of the site is recorded in the audit log as well."""

from functools import partial
from typing import Any
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from app.extensions.admin import audit
from app.extensions.admin.audit import AuditContext


async def _record(
    action: str, session: AsyncSession, *, key_id: UUID, actor_id: UUID, address: str, **facts: Any
) -> None:
    if audit.current.get(None):
        return  # the session of the site records the change itself
    by = AuditContext(actor_id=actor_id, actor_email=None, address=address)
    audit.record(
        session,
        action,
        subject="api_keys",
        subject_id=key_id,
        after=facts | {"owner_id": str(facts["owner_id"])},
        by=by,
    )


EVENTS = {
    f"api_keys.{kind}": partial(_record, kind)
    for kind in ("created", "rotated", "revoked", "changed", "new_address")
}
