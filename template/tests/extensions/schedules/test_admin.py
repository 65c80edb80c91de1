"""Schedules on the admin site."""

from httpx import AsyncClient
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.tasks.models import TaskRecord
from app.extensions.admin.models import AuditEntry
from app.extensions.schedules import service
from app.extensions.users.models import Role
from devstack.supabase import LocalSupabase
from tests.extensions.admin.browser import Browser
from tests.extensions.schedules.conftest import Start
from tests.support.people import SignIn


async def test_an_admin_pauses_resumes_and_starts_a_schedule(
    client: AsyncClient,
    supabase: LocalSupabase,
    sign_in: SignIn,
    session: AsyncSession,
    start_beat: Start,
) -> None:
    start_beat({"core.a": 60})
    browser = Browser(client, supabase)
    await browser.sign_in(await sign_in(role=Role.ADMIN))
    shown = await browser.get("/schedules")
    assert ("core.a" in shown.text, "paused" in shown.text) == (True, False)

    change = "/schedules/change"
    assert (await browser.post(change, name="core.a", do="pause")).status_code == 303
    assert service.list_schedules()[0].enabled is False
    assert "paused" in (await browser.get("/schedules")).text
    await browser.post(change, name="core.a", do="resume")
    assert service.list_schedules()[0].enabled is True
    await browser.post(change, name="core.a", do="run_now")
    started = select(TaskRecord).where(col(TaskRecord.name) == "core.heartbeat")
    assert (await session.exec(started)).one().owner_id

    recorded = select(AuditEntry.action).where(col(AuditEntry.subject) == "schedules")
    found = await session.exec(recorded.order_by(col(AuditEntry.created_at)))
    assert found.all() == ["pause", "resume", "run_now"]


async def test_what_cannot_be_done_is_said(
    client: AsyncClient, supabase: LocalSupabase, sign_in: SignIn, start_beat: Start
) -> None:
    start_beat({"core.a": 60})
    browser = Browser(client, supabase)
    await browser.sign_in(await sign_in(role=Role.ADMIN))
    await browser.get("/schedules")
    missing = await browser.post("/schedules/change", name="none", do="pause")
    assert (missing.status_code, "There is no schedule none" in missing.text) == (404, True)
    unknown = await browser.post("/schedules/change", name="core.a", do="burn")
    assert unknown.status_code == 422


async def test_support_only_looks(
    client: AsyncClient, supabase: LocalSupabase, sign_in: SignIn, start_beat: Start
) -> None:
    start_beat({"core.a": 60})
    browser = Browser(client, supabase)
    await browser.sign_in(await sign_in(role=Role.SUPPORT))
    shown = await browser.get("/schedules")
    assert ("core.a" in shown.text, "Pause" in shown.text) == (True, False)
    answer = await browser.post("/schedules/change", name="core.a", do="pause")
    assert answer.status_code == 403
    assert service.list_schedules()[0].enabled is True
