"""Limits on the admin site."""

import re
from html import unescape

from fastapi import FastAPI
from httpx import AsyncClient
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.extensions.admin.models import AuditEntry
from app.extensions.limits.service import list_refused
from app.extensions.users.models import Role
from devstack.supabase import LocalSupabase
from tests.extensions.admin.browser import Browser, codes
from tests.extensions.limits.conftest import client_of, statuses
from tests.support.people import SignIn

PATH = "/probe/inner/default"


async def test_an_admin_sees_who_is_at_a_limit_and_lifts_it(
    api: FastAPI,
    client: AsyncClient,
    supabase: LocalSupabase,
    sign_in: SignIn,
    session: AsyncSession,
) -> None:
    ada = await sign_in()
    browser = Browser(client, supabase)
    await browser.sign_in(await sign_in(role=Role.ADMIN))
    assert ada.email not in (await browser.get("/limits")).text
    async with client_of(api) as limited:
        assert await statuses(limited, PATH, 6, headers=ada.headers) == [200] * 5 + [429]
        shown = (await browser.get("/limits")).text
        assert ada.email in shown
        (key,) = re.findall(r'name="key" value="([^"]+)"', shown)
        assert (await browser.post("/limits/lift", key=unescape(key))).status_code == 303
        assert list_refused() == []
        assert await statuses(limited, PATH, 1, headers=ada.headers) == [200]
    assert codes(await browser.post("/limits/lift", key=unescape(key))) == ["not_at_limit"]
    recorded = select(AuditEntry.action).where(col(AuditEntry.subject) == "limits")
    assert list(await session.exec(recorded)) == ["lift"]


async def test_support_sees_the_page_and_changes_nothing(
    client: AsyncClient, supabase: LocalSupabase, sign_in: SignIn
) -> None:
    browser = Browser(client, supabase)
    await browser.sign_in(await sign_in(role=Role.SUPPORT))
    assert (await browser.get("/limits")).status_code == 200
    assert (await browser.post("/limits/lift", key="a/60/user/b")).status_code == 403


async def test_the_site_is_not_limited(api: FastAPI) -> None:
    async with client_of(api) as client:
        answers = [await client.get("/admin/login") for _ in range(7)]
    assert {answer.status_code for answer in answers} == {200}
    assert "ratelimit" not in answers[0].headers
