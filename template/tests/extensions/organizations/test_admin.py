"""Organizations on the admin site."""

from sqlmodel.ext.asyncio.session import AsyncSession

from tests.extensions.admin.browser import Browser, codes
from tests.extensions.admin.conftest import admin, browser, no_sessions  # noqa: F401 - fixtures
from tests.extensions.admin.test_audit import entries
from tests.extensions.organizations.rows import Words, fill
from tests.support.people import Person
from tests.support.tenants import PATH, Tenants


async def test_organizations_are_seen_closed_and_restored(
    browser: Browser,  # noqa: F811
    admin: Person,  # noqa: F811
    session: AsyncSession,
    tenants: Tenants,
) -> None:
    acme = await tenants.create("Acme", "member")
    words = Words.new()
    await fill(session, acme, words)
    for view in ("organization", "member", "invitation"):
        page = await browser.get(f"/{view}/list")
        assert page.status_code == 200
    assert words.secret in page.text
    assert acme.slug in (await browser.get(f"/organization/details/{acme.id}")).text
    for action, status in (("close", 404), ("restore", 200)):
        await browser.get(f"/organization/action/{action}?pks={acme.id}")
        url = f"/organization/action/{action}?pks={acme.id}"
        assert (await browser.post(url, reason="asked by mail")).status_code == 303
        assert (await acme.ask("member", "GET")).status_code == status
        session.expire_all()
        (entry,) = await entries(session, action=action)
        assert (entry.subject_id, entry.reason) == (str(acme.id), "asked by mail")


async def test_a_name_is_changed_by_the_rules_of_the_api(
    browser: Browser,  # noqa: F811
    admin: Person,  # noqa: F811
    session: AsyncSession,
    tenants: Tenants,
) -> None:
    acme = await tenants.create("Acme")
    url = f"/organization/edit/{acme.id}"
    await browser.get(url)
    for wrong in ("Ac\x07me", "Ac\u202eme", "   "):
        answer = await browser.post(url, name=wrong, save="Save")
        assert answer.status_code == 400, wrong
    assert (await acme.ask("owner", "GET")).json()["name"] == "Acme"
    assert (await browser.post(url, name=" Apex ", save="Save")).status_code in (302, 303)
    assert (await acme.ask("owner", "GET")).json()["name"] == "Apex"
    session.expire_all()
    (entry,) = await entries(session, action="update")
    assert (entry.subject_id, entry.actor_id) == (str(acme.id), admin.id)
    assert (entry.before or {})["name"] == "Acme"


async def test_a_personal_organization_is_not_closed(
    browser: Browser,  # noqa: F811
    admin: Person,  # noqa: F811
) -> None:
    own = (await browser.client.post(f"{PATH}/personal", headers=admin.headers)).json()
    answer = await browser.post(f"/organization/action/close?pks={own['id']}", reason="why not")
    assert (answer.status_code, codes(answer)) == (409, ["personal_organization"])
