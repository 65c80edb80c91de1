"""`/items` in a browser."""

from collections.abc import AsyncIterator
from uuid import UUID, uuid4

import pytest
from fastapi import FastAPI
from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.features.items.models import Item
from devstack.supabase import LocalSupabase
from tests.features.items.factories import ItemFactory
from tests.support.pages import Browser, is_sign_in, notices, part
from tests.support.people import Person, SignIn

PATH = "/items"
XSS = "\"'><script>alert(1)</script>"


@pytest.fixture
async def browser(app: FastAPI, supabase: LocalSupabase) -> AsyncIterator[Browser]:
    browser = Browser(app, supabase)
    yield browser
    await browser.client.aclose()


@pytest.fixture
async def owner(browser: Browser, sign_in: SignIn) -> Person:
    """A user who has signed in with the browser and loaded a form."""
    owner = await sign_in()
    await browser.sign_in(owner)
    await browser.get(f"{PATH}/new")
    return owner


async def test_the_pages_lead_others_to_the_sign_in(browser: Browser) -> None:
    for path in (PATH, f"{PATH}/new", f"{PATH}/{uuid4()}"):
        assert is_sign_in(await browser.get(path)), path


async def test_one_is_added_changed_and_removed(
    browser: Browser, owner: Person, session: AsyncSession
) -> None:
    listed = await browser.follow(await browser.post(f"{PATH}/new", title="First", notes=""))
    assert notices(listed) == ["It was added."]
    (item,) = await session.exec(select(Item).where(Item.owner_id == owner.id))
    assert (item.title, item.notes, item.done) == ("First", None, False)

    form = await browser.get(f"{PATH}/{item.id}")
    assert 'value="First"' in form.text
    changed = await browser.post(f"{PATH}/{item.id}", title="Second", notes="N", done="true")
    assert "Second" in (await browser.follow(changed)).text
    await session.refresh(item)
    assert (item.title, item.notes, item.done) == ("Second", "N", True)

    removed = await browser.follow(await browser.post(f"{PATH}/{item.id}/delete"))
    assert "Nothing is here yet." in removed.text


async def test_mistakes_are_shown_with_what_was_typed(browser: Browser, owner: Person) -> None:
    answer = await browser.post(f"{PATH}/new", title="", notes="Kept")
    assert answer.status_code == 422
    assert "Please fill this in." in answer.text
    assert ">Kept</textarea>" in answer.text


async def test_the_list_is_searched_and_paged_with_and_without_htmx(
    browser: Browser, owner: Person, session: AsyncSession
) -> None:
    for number in range(25):
        session.add(ItemFactory.build(owner_id=owner.id, title=f"Number {number:02}", notes=None))
    await session.commit()
    for headers in ({}, part()):
        browser.client.headers.update(headers)
        first, second = await browser.get(PATH), await browser.get(PATH, offset="20")
        assert (first.text.count("Number "), second.text.count("Number ")) == (20, 5)
        assert "1–20 of 25" in first.text
        found = await browser.get(PATH, search="number 07")
        assert (found.text.count("Number 07"), found.text.count("Number ")) == (1, 1)
        assert found.text.startswith("<!doctype html>") is not bool(headers)


async def test_those_of_others_are_not_found(
    browser: Browser, owner: Person, sign_in: SignIn, session: AsyncSession
) -> None:
    theirs = ItemFactory.build(owner_id=(await sign_in()).id, title="Theirs")
    session.add(theirs)
    await session.commit()
    assert "Theirs" not in (await browser.get(PATH)).text
    path = f"{PATH}/{theirs.id}"
    answers = [await browser.get(path)]
    answers += [await browser.post(each, title="Mine") for each in (path, f"{path}/delete")]
    assert {answer.status_code for answer in answers} == {404}


async def test_hostile_texts_are_only_text(
    browser: Browser, owner: Person, session: AsyncSession
) -> None:
    await browser.post(f"{PATH}/new", title=XSS, notes=f"</textarea>{XSS}")
    (item,) = await session.exec(select(Item).where(Item.owner_id == owner.id))
    pages = [await browser.get(PATH, search=XSS), await browser.get(f"{PATH}/{item.id}")]
    pages.append(await browser.post(f"{PATH}/new", title="", notes=f"</textarea>{XSS}"))
    assert not any("<script>alert" in page.text for page in pages)


async def test_completing_all_shows_the_progress_of_a_task(browser: Browser, owner: Person) -> None:
    answer = await browser.post(f"{PATH}/complete-all")
    assert answer.headers["location"].startswith("/progress/")
    UUID(answer.headers["location"].removeprefix("/progress/").partition("?")[0])
    shown = await browser.follow(answer)
    assert "Waiting" in shown.text
    assert f'href="{PATH}"' in shown.text


async def test_a_visitor_takes_the_items_along_and_deletes_them_with_the_account(
    browser: Browser, owner: Person, session: AsyncSession
) -> None:
    await browser.post(f"{PATH}/new", title="First", notes="")
    await browser.confirm()
    found = (await browser.get("/account/export")).json()
    assert [item["title"] for item in found["items"]] == ["First"]
    assert (await browser.post("/account/delete")).status_code == 303
    mine = select(Item).where(Item.owner_id == owner.id)
    assert (await session.exec(mine)).all() == []
