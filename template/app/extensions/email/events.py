"""The events that this feature handles: the status of a user changes, and the user is told."""

from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.features import features
from app.core.settings import load_settings
from app.extensions.email.email import (
    AccountApproved,
    AccountRejected,
    AccountSuspended,
    NewSignUp,
)
from app.extensions.email.schemas import Mail
from app.extensions.email.service import mailable, send
from app.extensions.email.settings import EmailSettings
from app.extensions.users import service as users


async def tell_admins(session: AsyncSession, *, user_id: UUID) -> None:
    """Tell the admins that a user waits for them."""
    user = await users.get(session, user_id)
    if not user.email or not users.awaits_admin(user):
        return
    base = str(load_settings(EmailSettings).api_url).rstrip("/")
    has_site = any(feature.name == "admin" for feature in features())
    url = f"{base}/admin/user/details/{user_id}" if has_site else None
    for admin in await users.admins(session):
        if to := mailable(admin.email):
            mail = NewSignUp(to=to, email=user.email, admin_url=url)  # type: ignore[arg-type]
            await send(session, mail, key=f"users.created:{user_id}:{admin.id}")


async def _tell(session: AsyncSession, user_id: UUID, mail: type[Mail]) -> None:
    user = await users.get(session, user_id)
    if to := mailable(user.email):
        await send(session, mail(to=to))


async def tell_approved(session: AsyncSession, *, user_id: UUID) -> None:
    """Tell a user of the approval."""
    await _tell(session, user_id, AccountApproved)


async def tell_rejected(session: AsyncSession, *, user_id: UUID) -> None:
    """Tell a user of the refusal."""
    await _tell(session, user_id, AccountRejected)


async def tell_suspended(session: AsyncSession, *, user_id: UUID) -> None:
    """Tell a user of the suspension."""
    await _tell(session, user_id, AccountSuspended)


EVENTS = {
    "users.created": tell_admins,
    "users.approved": tell_approved,
    "users.rejected": tell_rejected,
    "users.suspended": tell_suspended,
}
