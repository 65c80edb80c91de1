"""Invitations by mail."""

import pytest
from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.extensions.email.models import MailRecord
from app.extensions.organizations.models import Invitation
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


@pytest.mark.parametrize(
    "address", ["a,b@example.com", "x<y>@example.com", f"a@{'d' * 64}.example.com"]
)
async def test_an_address_to_which_no_mail_can_be_sent_is_refused(
    tenants: Tenants, session: AsyncSession, address: str
) -> None:
    acme = await tenants.create("Acme")
    answer = await acme.ask("owner", "POST", "/invitations", {"email": address})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_address")
    assert (await session.exec(select(Invitation))).all() == []
