"""`/organizations/{organization}/items` in a browser."""

from collections.abc import AsyncIterator
from uuid import UUID, uuid4

import pytest
from fastapi import FastAPI
from sqlmodel import col, delete, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.extensions.organizations.models import Member
from app.features.items.models import Item
from devstack.supabase import LocalSupabase
from tests.features.items.factories import ItemFactory
from tests.support.pages import Browser, is_sign_in, notices, part
from tests.support.tenants import Tenant, Tenants

XSS = "\"'><script>alert(1)</script>"


@pytest.fixture
async def browser(app: FastAPI, supabase: LocalSupabase) -> AsyncIterator[Browser]:
    browser = Browser(app, supabase)
    yield browser
    await browser.client.aclose()


@pytest.fixture
async def acme(browser: Browser, tenants: Tenants) -> Tenant:
    """An organization, whose member has signed in with the browser and loaded a form."""
    acme = await tenants.create("Acme", "member")
    await browser.sign_in(acme.people["member"])
    await browser.get(f"{path_of(acme)}/new")
    return acme


def path_of(tenant: Tenant) -> str:
    return f"/organizations/{tenant.slug}/items"


async def test_the_pages_lead_others_to_the_sign_in(browser: Browser, tenants: Tenants) -> None:
    path = path_of(await tenants.create())
    for each in (path, f"{path}/new", f"{path}/{uuid4()}"):
        assert is_sign_in(await browser.get(each)), each


async def test_one_is_added_changed_and_removed(
    browser: Browser, acme: Tenant, session: AsyncSession
) -> None:
    path = path_of(acme)
    listed = await browser.follow(await browser.post(f"{path}/new", title="First", notes=""))
    assert notices(listed) == ["It was added."]
    # The header leads to those of the organization in which the visitor works.
    assert f'href="{path}" aria-current="page"' in listed.text
    (item,) = await session.exec(select(Item).where(Item.organization_id == acme.id))
    assert (item.title, item.notes, item.done) == ("First", None, False)

    form = await browser.get(f"{path}/{item.id}")
    assert 'value="First"' in form.text
    changed = await browser.post(f"{path}/{item.id}", title="Second", notes="N", done="true")
    assert "Second" in (await browser.follow(changed)).text
    await session.refresh(item)
    assert (item.title, item.notes, item.done) == ("Second", "N", True)

    removed = await browser.follow(await browser.post(f"{path}/{item.id}/delete"))
    assert "Nothing is here yet." in removed.text


async def test_mistakes_are_shown_with_what_was_typed(browser: Browser, acme: Tenant) -> None:
    answer = await browser.post(f"{path_of(acme)}/new", title="", notes="Kept")
    assert answer.status_code == 422
    assert "Please fill this in." in answer.text
    assert ">Kept</textarea>" in answer.text


async def test_the_list_is_searched_and_paged_with_and_without_htmx(
    browser: Browser, acme: Tenant, session: AsyncSession
) -> None:
    path = path_of(acme)
    for number in range(25):
        session.add(
            ItemFactory.build(organization_id=acme.id, title=f"Number {number:02}", notes=None)
        )
    await session.commit()
    for headers in ({}, part()):
        browser.client.headers.update(headers)
        first, second = await browser.get(path), await browser.get(path, offset="20")
        assert (first.text.count("Number "), second.text.count("Number ")) == (20, 5)
        assert "1–20 of 25" in first.text
        found = await browser.get(path, search="number 07")
        assert (found.text.count("Number 07"), found.text.count("Number ")) == (1, 1)
        assert found.text.startswith("<!doctype html>") is not bool(headers)


async def test_those_of_other_organizations_are_not_found(
    browser: Browser, acme: Tenant, tenants: Tenants, session: AsyncSession
) -> None:
    other = await tenants.create("Other")
    theirs = ItemFactory.build(organization_id=other.id, title="Theirs")
    session.add(theirs)
    await session.commit()
    assert "Theirs" not in (await browser.get(path_of(acme))).text
    answers = [await browser.get(each) for each in (path_of(other), f"{path_of(other)}/new")]
    for place in (path_of(acme), path_of(other)):
        path = f"{place}/{theirs.id}"
        answers.append(await browser.get(path))
        answers += [await browser.post(each, title="Mine") for each in (path, f"{path}/delete")]
    answers.append(await browser.post(f"{path_of(other)}/new", title="Mine"))
    answers.append(await browser.post(f"{path_of(other)}/complete-all"))
    assert {answer.status_code for answer in answers} == {404}


async def test_who_was_removed_finds_nothing_with_the_next_request(
    browser: Browser, acme: Tenant, session: AsyncSession
) -> None:
    member = acme.people["member"]
    await session.exec(delete(Member).where(col(Member.user_id) == member.id))
    await session.commit()
    answers = [await browser.get(path_of(acme))]
    answers.append(await browser.post(f"{path_of(acme)}/new", title="Mine"))
    assert {answer.status_code for answer in answers} == {404}


async def test_hostile_texts_are_only_text(
    browser: Browser, acme: Tenant, session: AsyncSession
) -> None:
    path = path_of(acme)
    await browser.post(f"{path}/new", title=XSS, notes=f"</textarea>{XSS}")
    (item,) = await session.exec(select(Item).where(Item.organization_id == acme.id))
    pages = [await browser.get(path, search=XSS), await browser.get(f"{path}/{item.id}")]
    pages.append(await browser.post(f"{path}/new", title="", notes=f"</textarea>{XSS}"))
    assert not any("<script>alert" in page.text for page in pages)


async def test_completing_all_shows_the_progress_of_a_task(browser: Browser, acme: Tenant) -> None:
    answer = await browser.post(f"{path_of(acme)}/complete-all")
    assert answer.headers["location"].startswith("/progress/")
    UUID(answer.headers["location"].removeprefix("/progress/").partition("?")[0])
    shown = await browser.follow(answer)
    assert "Waiting" in shown.text
    assert f'class="button quiet" href="{path_of(acme)}"' in shown.text
