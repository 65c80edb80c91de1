"""The accounts of organizations on the admin site."""

from sqlmodel.ext.asyncio.session import AsyncSession

from app.extensions.credits.service import entries
from tests.extensions.admin.browser import Browser
from tests.extensions.admin.conftest import admin, browser, no_sessions  # noqa: F401 - fixtures
from tests.support.people import Person
from tests.support.tenants import Tenants


async def test_accounts_and_entries_show_and_link_their_organization(
    browser: Browser,  # noqa: F811
    admin: Person,  # noqa: F811
    session: AsyncSession,
    tenants: Tenants,
) -> None:
    acme = await tenants.create("Acme")
    owner = acme.people["owner"]
    for holder in (acme.id, owner.id):
        await session.run_sync(entries.grant, holder, 5, "Filled")
    await session.commit()
    for view in ("account", "transaction"):
        page = (await browser.get(f"/{view}/list")).text
        assert f"/organization/details/{acme.id}" in page
        assert acme.slug in page
        assert f"/user/details/{owner.id}" in page
    of_acme = (await browser.get(f"/transaction/list?user_id={acme.id}")).text
    assert acme.slug in of_acme
    assert owner.email not in of_acme
    details = (await browser.get(f"/organization/details/{acme.id}")).text
    assert f"/account/list?user_id={acme.id}" in details
