"""Delivers invitations: their links are mailed, and not answered to the inviter.

So only somebody who reads the mails of an address can accept an invitation for it.
"""

from sqlmodel.ext.asyncio.session import AsyncSession

from app.extensions.email.service import send
from app.extensions.organizations.service.scope import Scope
from app.extensions.organizations_email.email import Invited
from app.extensions.users.service import get


async def deliver(session: AsyncSession, scope: Scope, *, email: str, link: str) -> None:
    """Send the mail once the invitation is committed."""
    inviter = await get(session, scope.user_id)
    mail = Invited.model_validate(
        {
            "to": email,
            "organization": scope.name,
            "inviter": inviter.display_name or inviter.email or "Somebody",
            "link": link,
        }
    )
    await send(session, mail)
