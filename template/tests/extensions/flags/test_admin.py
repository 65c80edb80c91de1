"""Flags on the admin site."""

from fastapi import FastAPI
from httpx import AsyncClient
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.extensions.admin.models import AuditEntry
from app.extensions.flags.service import is_on
from app.extensions.users.models import Role
from devstack.supabase import LocalSupabase
from tests.extensions.admin.browser import Browser, codes
from tests.extensions.flags.conftest import OFF
from tests.support.people import SignIn


async def test_an_admin_sets_a_flag_and_switches_it_off(
    app: FastAPI,
    client: AsyncClient,
    supabase: LocalSupabase,
    sign_in: SignIn,
    session: AsyncSession,
) -> None:
    ada = await sign_in()
    browser = Browser(client, supabase)
    await browser.sign_in(await sign_in(role=Role.ADMIN))
    assert OFF.description in (await browser.get("/flags")).text
    reader = app.state.database.reader

    async def on() -> bool:
        return await is_on(reader, OFF.name, user_id=ada.id)

    assert (await browser.post("/flags/set", name=OFF.name, percentage="100")).status_code == 303
    assert "100 %" in (await browser.get("/flags")).text
    assert await on()
    assert (await browser.post("/flags/off", name=OFF.name)).status_code == 303
    assert "off for everybody" in (await browser.get("/flags")).text
    assert not await on()
    for text in ("half", "9" * 5000):
        wrong = await browser.post("/flags/set", name=OFF.name, percentage=text)
        assert codes(wrong) == ["invalid_percentage"]
    assert codes(await browser.post("/flags/off", name="shop.typo")) == ["flag_not_found"]
    recorded = select(AuditEntry.subject_id).where(col(AuditEntry.subject) == "flags")
    assert list(await session.exec(recorded)) == [OFF.name, OFF.name]


async def test_support_sees_the_page_and_changes_nothing(
    client: AsyncClient, supabase: LocalSupabase, sign_in: SignIn
) -> None:
    browser = Browser(client, supabase)
    await browser.sign_in(await sign_in(role=Role.SUPPORT))
    assert (await browser.get("/flags")).status_code == 200
    assert (await browser.post("/flags/off", name=OFF.name)).status_code == 403
    assert (await browser.get("/flag-override/list")).status_code == 200
