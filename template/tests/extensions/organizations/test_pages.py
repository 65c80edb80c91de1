"""The pages of organizations: what people do there, and what the header shows."""

import re
from uuid import UUID

import pytest
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.extensions.organizations.models import Member
from tests.extensions.account.conftest import (  # noqa: F401 - fixtures
    NewBrowser,
    browser,
    new_browser,
    no_sessions,
)
from tests.support.pages import Browser, is_sign_in, notices
from tests.support.people import Person, SignIn
from tests.support.tenants import Tenant, Tenants

PATH = "/organizations"
XSS = "\"'><script>alert(1)</script>"


@pytest.fixture
async def acme(browser: Browser, tenants: Tenants) -> Tenant:  # noqa: F811
    """An organization, whose owner has signed in with the browser and loaded a page."""
    acme = await tenants.create("Acme", "admin", "member")
    await browser.sign_in(acme.people["owner"])
    await browser.get(f"{PATH}/{acme.slug}")
    return acme


async def role_of(session: AsyncSession, tenant: Tenant, person: Person) -> str | None:
    found = select(Member.role).where(
        col(Member.organization_id) == tenant.id, col(Member.user_id) == person.id
    )
    return (await session.exec(found)).one_or_none()


def menu(page: str) -> tuple[str, list[str]]:
    """The current organization in the header, and the paths of all in the menu."""
    current = re.search(r"<summary><span[^>]*>[^<]*</span>([^<]*)</summary>", page)
    assert current, page
    listed = page.partition("</summary>")[2].partition("</ul>")[0]
    return current[1], re.findall(r'href="([^"]+)"', listed)


async def test_an_organization_is_created_renamed_and_switched_to(
    browser: Browser,  # noqa: F811
    sign_in: SignIn,
) -> None:
    await browser.sign_in(await sign_in())
    # A visitor from before the option has no organization yet.
    assert menu((await browser.get(PATH)).text)[0] == "No organization"
    listed = await browser.follow(await browser.post(f"{PATH}/personal"))
    assert menu(listed.text)[0] == "Personal"
    assert "For you alone" in listed.text
    assert f'action="{PATH}/personal"' not in listed.text
    await browser.get(f"{PATH}/new")
    wrong = await browser.post(f"{PATH}/new", name=" ")
    assert (wrong.status_code, "Please fill this in." in wrong.text) == (422, True)

    made = await browser.follow(await browser.post(f"{PATH}/new", name="Tea house"))
    assert menu(made.text)[0] == "Tea house"
    home = str(made.url.path).removesuffix("/members")
    renamed = await browser.follow(await browser.post(f"{home}/name", name="Coffee house"))
    assert notices(renamed) == ["The name is saved."]

    # The choice is kept on pages without an organization in their path.
    account = (await browser.get("/account")).text
    assert menu(account)[0] == "Coffee house"
    personal = next(each for each in menu(account)[1] if not each.startswith(home))
    await browser.get(personal)
    assert menu((await browser.get("/account")).text)[0] == "Personal"

    # It is exported, and not deleted.
    await browser.confirm()
    home = personal.removesuffix("/members")
    page = (await browser.get(f"{home}/delete")).text
    assert f'href="{home}/export"' in page
    assert f'action="{home}/delete"' not in page
    refused = await browser.post(f"{home}/delete")
    assert (refused.status_code, len(notices(refused))) == (409, 1)


async def test_the_header_shows_nothing_to_strangers_and_only_what_is_theirs(
    browser: Browser,  # noqa: F811
    acme: Tenant,
    sign_in: SignIn,
) -> None:
    assert menu((await browser.get("/account")).text)[0] == "Acme"
    await browser.post("/account/sign-out")
    assert "Acme" not in (await browser.get("/account/sign-in")).text
    # The cookie with the last organization is still there.
    await browser.sign_in(await sign_in())
    current, paths = menu((await browser.get("/account")).text)
    assert current == "No organization"
    assert not any(acme.slug in each for each in paths)


async def test_a_role_is_changed_transferred_and_a_member_removed(
    browser: Browser,  # noqa: F811
    acme: Tenant,
    session: AsyncSession,
) -> None:
    member, admin = acme.people["member"], acme.people["admin"]
    listed = await browser.get(f"{PATH}/{acme.slug}/members")
    assert all(each.email in listed.text for each in acme.people.values())
    one = f"{PATH}/{acme.slug}/members/{member.id}"
    assert '<option value="owner">' in (await browser.get(one)).text
    changed = await browser.follow(await browser.post(one, role="admin"))
    assert notices(changed) == ["The role is changed."]
    assert await role_of(session, acme, member) == "admin"
    unknown = await browser.post(one, role="king")
    assert (unknown.status_code, len(notices(unknown))) == (422, 1)

    invited = {"email": "friend@example.com", "role": "owner"}
    for answer in (
        await browser.post(f"{one}/transfer"),
        await browser.post(one, role="owner"),
        await browser.post(f"{PATH}/{acme.slug}/invitations", **invited),
    ):
        assert answer.headers["location"].startswith("/account/confirm?next=%2Forganizations%2F")
    assert await role_of(session, acme, member) == "admin"
    await browser.confirm()
    done = await browser.follow(await browser.post(f"{one}/transfer"))
    assert notices(done) == ["Acme has another owner. You are an admin now."]
    assert await role_of(session, acme, member) == "owner"
    assert await role_of(session, acme, acme.people["owner"]) == "admin"

    other = f"{PATH}/{acme.slug}/members/{admin.id}"
    await browser.get(other)
    removed = await browser.follow(await browser.post(f"{other}/remove"))
    assert notices(removed) == ["The member is removed."]
    assert await role_of(session, acme, admin) is None


async def test_the_rules_of_the_service_are_messages_on_the_form(
    browser: Browser,  # noqa: F811
    acme: Tenant,
) -> None:
    owner = acme.people["owner"]
    one = f"{PATH}/{acme.slug}/members/{owner.id}"
    answers = [await browser.post(f"{PATH}/{acme.slug}/leave")]
    answers.append(await browser.post(one, role="member"))
    answers.append(await browser.post(f"{one}/remove"))
    for answer in answers:
        assert (answer.status_code, len(notices(answer))) == (409, 1), answer.text
        assert 'role="alert"' in answer.text


async def test_a_deleted_organization_is_closed_and_restored(
    new_browser: NewBrowser,  # noqa: F811
    browser: Browser,  # noqa: F811
    acme: Tenant,
) -> None:
    home = f"{PATH}/{acme.slug}"
    for answer in (await browser.get(f"{home}/delete"), await browser.post(f"{home}/delete")):
        assert answer.headers["location"].startswith("/account/confirm?")
    await browser.confirm()
    await browser.get(f"{home}/delete")
    document = (await browser.get(f"{home}/export")).json()
    assert [row["name"] for row in document["organizations"]] == ["Acme"]
    gone = await browser.follow(await browser.post(f"{home}/delete"))
    assert notices(gone) == ["Acme is deleted."]
    assert (await browser.get(home)).status_code == 404

    await browser.get(PATH)
    restored = await browser.follow(await browser.post(f"{home}/restore"))
    assert notices(restored) == ["Acme is restored."]
    assert (await browser.get(home)).status_code == 200
    member = new_browser()
    await member.sign_in(acme.people["member"])
    await member.get(home)
    left = await member.follow(await member.post(f"{home}/leave"))
    assert notices(left) == ["You have left Acme."]
    assert (await member.get(home)).status_code == 404


async def test_hostile_names_are_only_text(
    browser: Browser,  # noqa: F811
    acme: Tenant,
) -> None:
    home = f"{PATH}/{acme.slug}"
    await browser.post(f"{home}/name", name=XSS)
    await browser.post("/account/profile", display_name=XSS)
    await browser.confirm()
    owner = acme.people["owner"].id
    paths = [PATH, home, f"{home}/members", f"{home}/members/{owner}", f"{home}/invitations"]
    shown = [await browser.get(each) for each in (*paths, f"{home}/delete", "/account")]
    shown.append(await browser.post(f"{home}/invitations", email=XSS, role=XSS))
    for page in shown:
        assert "<script>alert" not in page.text, page.url
        assert not re.search(r"=\"[^\"]*\"'>", page.text), page.url


async def test_every_page_leads_strangers_to_the_sign_in(
    browser: Browser,  # noqa: F811
    tenants: Tenants,
) -> None:
    home = f"{PATH}/{(await tenants.create()).slug}"
    below = ("", "/members", f"/members/{UUID(int=0)}", "/invitations", "/export", "/delete")
    for path in (PATH, f"{PATH}/new", f"{PATH}/join", *(f"{home}{each}" for each in below)):
        assert is_sign_in(await browser.get(path)), path
