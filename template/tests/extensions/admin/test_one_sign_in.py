"""The site and the pages have the same sessions."""

from collections.abc import AsyncIterator
from typing import NamedTuple

import pytest
from fastapi import FastAPI
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.settings import load_settings
from app.extensions.admin.settings import AdminSettings
from app.extensions.users import service
from app.extensions.users.models import Role
from devstack.supabase import LocalSupabase
from tests.extensions.admin.browser import Browser as SiteBrowser
from tests.extensions.admin.browser import codes, is_sign_in
from tests.extensions.admin.test_audit import entries
from tests.extensions.admin.test_sign_in import age
from tests.support.pages import Browser as PagesBrowser
from tests.support.people import Person, SignIn


class Browser(NamedTuple):
    """One browser at both."""

    site: SiteBrowser
    pages: PagesBrowser

    async def is_signed_in(self) -> tuple[bool, bool]:
        """At the site, and at the pages."""
        at_site = not is_sign_in(await self.site.get("/"))
        return at_site, await self.pages.is_signed_in()


@pytest.fixture
async def both(app: FastAPI, supabase: LocalSupabase) -> AsyncIterator[Browser]:
    """A browser that is not signed in."""
    pages = PagesBrowser(app, supabase)
    yield Browser(SiteBrowser(pages.client, supabase), pages)
    await pages.client.aclose()


@pytest.fixture
async def person(sign_in: SignIn) -> Person:
    """An admin."""
    return await sign_in(role=Role.ADMIN)


async def test_who_has_signed_in_to_the_pages_opens_the_site(
    both: Browser, person: Person, session: AsyncSession
) -> None:
    await both.pages.sign_in(person)
    assert await both.is_signed_in() == (True, True)
    (entry,) = await entries(session, actor_id=person.id)
    assert (entry.action, entry.actor_email) == ("sign_in", person.email)
    # The site accepts the token of a form of the pages, because the browser is the same.
    await both.site.get("/user/list")
    assert (await both.site.post("/acting/end")).status_code == 303


async def test_who_has_signed_in_to_the_site_opens_the_pages(both: Browser, person: Person) -> None:
    await both.site.sign_in(person)
    account = await both.pages.get("/account")
    assert account.text.count("<strong>Firefox on Linux</strong>") == 1
    assert person.email in account.text
    assert await both.is_signed_in() == (True, True)


@pytest.mark.parametrize("path", ["/admin/logout", "/account/sign-out"])
async def test_a_sign_out_of_one_ends_both(both: Browser, person: Person, path: str) -> None:
    await both.pages.sign_in(person)
    await both.site.get("/")
    await both.pages.get("/account")
    assert (await both.pages.post(path)).status_code == 303
    assert await both.is_signed_in() == (False, False)


async def test_the_site_asks_again_after_a_while_and_leads_back(
    both: Browser, person: Person, app: FastAPI
) -> None:
    await both.pages.sign_in(person)
    await age(both.site, app, load_settings(AdminSettings).idle_minutes * 60 + 1)
    # The use of pages is no proof of who uses the browser.
    assert await both.is_signed_in() == (False, True)
    asked = await both.site.get("/item/list")
    assert asked.headers["location"].endswith("/admin/login?next=/admin/item/list")
    form = await both.pages.get(asked.headers["location"])
    assert 'href="http://testserver/account/sign-in?next=%2Fadmin%2Fitem%2Flist"' in form.text
    answer = await both.site.sign_in(person, next="/admin/item/list")
    assert answer.headers["location"] == "/admin/item/list"
    assert await both.is_signed_in() == (True, True)


async def test_a_confirmation_on_the_pages_is_a_proof(
    both: Browser, person: Person, app: FastAPI
) -> None:
    await both.pages.sign_in(person)
    await age(both.site, app, load_settings(AdminSettings).session_hours * 3600)
    assert await both.is_signed_in() == (False, True)
    await both.pages.confirm()
    assert await both.is_signed_in() == (True, True)


async def test_who_may_not_use_the_site_stays_signed_in_to_the_pages(
    both: Browser, sign_in: SignIn
) -> None:
    user = await sign_in()
    await both.pages.sign_in(user)
    assert await both.is_signed_in() == (False, True)
    answer = await both.site.sign_in(user)
    assert (answer.status_code, codes(answer)) == (401, ["sign_in_refused"])
    assert await both.is_signed_in() == (False, True)


async def test_another_role_gives_another_cookie(
    both: Browser, sign_in: SignIn, session: AsyncSession
) -> None:
    user = await sign_in()
    await both.pages.sign_in(user)
    before = both.pages.cookie
    await service.set_role(session, user.id, Role.SUPPORT)
    assert (await both.site.get("/")).status_code == 200
    assert both.pages.cookie != before
    assert await both.is_signed_in() == (True, True)
