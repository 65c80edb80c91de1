"""Delivers invitations: their links are mailed, and not answered to the inviter.

So only somebody who reads the mails of an address can accept an invitation for it.
"""

from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.errors import InvalidError
from app.extensions.email.service import mailable, send
from app.extensions.organizations.service.scope import Scope
from app.extensions.organizations_email.email import Invited
from app.extensions.users.service import get


async def deliver(session: AsyncSession, scope: Scope, *, email: str, link: str) -> None:
    """Send the mail once the invitation is committed.

    Raises:
        InvalidError: `invalid_address`, no mail can be sent to the address.
    """
    to = mailable(email)
    if to is None:
        raise InvalidError("No mail can be sent to this address.", code="invalid_address")
    inviter = await get(session, scope.user_id)
    mail = Invited.model_validate(
        {
            "to": to,
            "organization": scope.name,
            "inviter": inviter.display_name or inviter.email or "Somebody",
            "link": link,
        }
    )
    await send(session, mail)
