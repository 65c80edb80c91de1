"""The pages for an organization: who pays, and who only sees."""

import pytest
from httpx import AsyncClient
from sqlalchemy import update
from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.extensions.billing.models import subscriptions
from app.extensions.organizations.deps import HEADER
from app.extensions.organizations.models import Invitation, Member
from tests.extensions.billing.shop import Shop
from tests.extensions.billing_pages.conftest import PayFor
from tests.extensions.billing_pages.test_paywall import search_page as search_page
from tests.support.pages import Browser, notices
from tests.support.people import Person, SignIn
from tests.support.tenants import Tenant, Tenants

CHECKOUT = "/billing/checkout/team_monthly"


@pytest.fixture
async def acme(client: AsyncClient, session: AsyncSession, sign_in: SignIn) -> Tenant:
    """An organization with its owner."""
    return await Tenants(client, session, sign_in).create("Acme")


async def join(session: AsyncSession, acme: Tenant, person: Person, role: str) -> None:
    session.add(Member(organization_id=acme.id, user_id=person.id, role=role))
    await session.commit()


async def test_who_manages_payments_buys_for_the_organization(
    browser: Browser, person: Person, shop: Shop, acme: Tenant, pay_for: PayFor
) -> None:
    await join(shop.session, acme, person, "billing")
    account = f"?account={acme.slug}"
    own = await browser.get(CHECKOUT)
    assert f'href="{CHECKOUT}{account}"' in own.text
    await browser.get(CHECKOUT + account)
    few = await browser.post(CHECKOUT + account, seats="1")
    assert few.status_code == 409
    assert "Choose at least 2 seats" in notices(few)[0]
    page = await browser.follow(await pay_for(CHECKOUT + account, seats="2"))
    assert '<h2 id="plan">Team</h2>' in page.text
    assert "2 of 2 taken" in page.text
    assert '<h2 id="plan">Free</h2>' in (await browser.get("/billing")).text
    cheaper = await browser.get(
        "/billing/change", account=acme.slug, price="team_monthly", seats="1"
    )
    assert cheaper.status_code == 409
    await shop.deliver()


async def test_others_see_who_pays(
    browser: Browser, person: Person, shop: Shop, acme: Tenant
) -> None:
    await join(shop.session, acme, person, "member")
    account = f"?account={acme.slug}"
    owner = acme.people["owner"].email
    for path in ("/billing", CHECKOUT):
        page = await browser.get(path + account)
        assert page.status_code == 200
        assert owner in page.text
        assert f'action="{path}' not in page.text
    for path in (CHECKOUT, "/billing/cancel", "/billing/packs", "/billing/portal"):
        assert (await browser.post(path + account)).status_code == 403
    assert (await browser.get(f"/billing/change{account}")).status_code == 403


async def test_for_whom_no_seat_is_left_is_said_in_the_form(
    browser: Browser, person: Person, shop: Shop, acme: Tenant
) -> None:
    await join(shop.session, acme, person, "admin")
    await shop.subscribe({**person.headers, HEADER: acme.slug}, "team_monthly", seats=3)
    await shop.deliver()
    path = f"/organizations/{acme.slug}/invitations"
    await browser.get(path)
    await browser.post(path, email="first@example.com", role="member")
    await browser.get(path)
    full = await browser.post(path, email="second@example.com", role="member")
    assert (full.status_code, len(notices(full))) == (402, 1)
    assert 'value="second@example.com"' in full.text
    await shop.session.exec(update(subscriptions).values(seats=2))
    await shop.session.commit()
    (invitation,) = await shop.session.exec(select(Invitation.id))
    again = await browser.post(f"{path}/{invitation}/resend")
    assert (again.status_code, len(notices(again))) == (402, 1)


async def test_who_misses_a_feature_is_led_to_the_plans_for_the_organization(
    browser: Browser, person: Person, shop: Shop, acme: Tenant, search_page: str
) -> None:
    await join(shop.session, acme, person, "billing")
    page = await browser.get(search_page, account=acme.slug)
    assert page.status_code == 402
    for path in ("/pricing", "/billing"):
        assert f'href="{path}?account={acme.slug}"' in page.text


async def test_strangers_see_nothing(
    browser: Browser, person: Person, shop: Shop, acme: Tenant
) -> None:
    for path in ("/billing", CHECKOUT, "/billing/change"):
        assert (await browser.get(path, account=acme.slug)).status_code == 404
