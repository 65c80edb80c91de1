"""Invitations by mail."""

from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.extensions.email.models import MailRecord
from tests.support.people import SignIn
from tests.support.tenants import PATH, Tenants


async def test_the_link_is_mailed_and_not_answered(
    tenants: Tenants, session: AsyncSession, sign_in: SignIn
) -> None:
    acme, guest = await tenants.create("Acme"), await sign_in()
    invited = await acme.ask("owner", "POST", "/invitations", {"email": guest.email})
    assert (invited.status_code, invited.json()["link"]) == (201, None)
    mail = (await session.exec(select(MailRecord))).one()
    assert (mail.name, mail.recipients) == ("organizations_email.invited", [guest.email])
    assert mail.data
    assert (mail.data["organization"], mail.data["inviter"]) == ("Acme", acme.people["owner"].email)
    token = mail.data["link"].partition("#token=")[2]
    joined = await acme.client.post(
        f"{PATH}/accept-invitation", json={"token": token}, headers=guest.headers
    )
    assert joined.json()["slug"] == acme.slug
