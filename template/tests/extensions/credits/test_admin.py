"""Credits on the admin site."""

import re
from typing import Any

import pytest
from httpx import AsyncClient
from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.database.models import utcnow
from app.core.tasks.models import TaskRecord, TaskState
from app.extensions.admin.models import AuditEntry
from app.extensions.credits.models import Hold, HoldState, Rate, Tier
from app.extensions.credits.schemas import RateCreate
from app.extensions.credits.service import accounts, holds, rates
from app.extensions.users.models import Role
from devstack.supabase import LocalSupabase
from tests.extensions.admin.browser import Browser, codes
from tests.extensions.credits.conftest import HOUR
from tests.support.people import Person, SignIn


@pytest.fixture
async def browser(client: AsyncClient, supabase: LocalSupabase, sign_in: SignIn) -> Browser:
    """A browser in which an admin is signed in."""
    browser = Browser(client, supabase)
    await browser.sign_in(await sign_in(role=Role.ADMIN))
    await browser.get("/")
    return browser


@pytest.fixture
async def person(session: AsyncSession, sign_in: SignIn) -> Person:
    """A user with an account."""
    person = await sign_in()
    await balance(session, person)
    await session.commit()
    return person


async def balance(session: AsyncSession, person: Person) -> int:
    found = await session.run_sync(accounts.get_balance, person.id)
    return found.balance


async def recorded(session: AsyncSession, action: str) -> AuditEntry:
    statement = select(AuditEntry).where(AuditEntry.action == action)
    return (await session.exec(statement)).one()


async def test_a_form_grants_credits_once_and_another_corrects_them(
    browser: Browser, person: Person, session: AsyncSession
) -> None:
    before = await balance(session, person)
    page = f"/account/action/grant?pks={person.id}"
    assert 'name="idempotency_key"' in (await browser.get(page)).text
    for _ in range(2):
        answer = await browser.post(page, amount="50", reason="Pilot", idempotency_key="one form")
        assert answer.status_code == 303, answer.text
    assert await balance(session, person) == before + 50
    page = f"/account/action/adjust?pks={person.id}"
    answer = await browser.post(page, amount="-20", reason="Too many", idempotency_key="another")
    assert answer.status_code == 303, answer.text
    assert await balance(session, person) == before + 30
    entry = await recorded(session, "adjust")
    assert (entry.subject_id, entry.reason) == (str(person.id), "Too many")
    assert entry.after == {"amount": -20}
    ledger = (await browser.get("/transaction/list")).text
    assert ("Pilot" in ledger, person.email in ledger) == (True, True)


@pytest.mark.parametrize(
    ("action", "fields", "code"),
    [
        ("grant", {"amount": "many", "reason": "x"}, "invalid"),
        ("grant", {"amount": "-1", "reason": "x"}, "invalid"),
        ("grant", {"amount": "1", "reason": ""}, "reason_required"),
        ("adjust", {"amount": "-1000000", "reason": "x"}, "balance_too_low"),
        ("adjust", {"amount": "0", "reason": "x"}, "amount_is_zero"),
        ("set-tier", {"tier": "golden", "reason": "x"}, "tier_not_found"),
    ],
)
async def test_a_refused_form_shows_the_error_and_keeps_its_values(
    browser: Browser,
    person: Person,
    session: AsyncSession,
    action: str,
    fields: dict[str, str],
    code: str,
) -> None:
    before = await balance(session, person)
    answer = await browser.post(f"/account/action/{action}?pks={person.id}", **fields)
    assert (answer.status_code, codes(answer)) == (409, [code]), answer.text
    first = next(iter(fields.values()))
    assert f'value="{first}"' in answer.text
    assert await balance(session, person) == before


async def test_an_account_moves_to_another_tier(
    browser: Browser, person: Person, session: AsyncSession
) -> None:
    page = f"/account/action/set-tier?pks={person.id}"
    assert (await browser.post(page, tier="premium", reason="Paid")).status_code == 303
    assert (await session.run_sync(accounts.get_balance, person.id)).tier == "premium"
    assert (await recorded(session, "set_tier")).after == {"tier": "premium"}


async def test_a_new_version_of_a_rate_applies_at_once(
    browser: Browser, session: AsyncSession
) -> None:
    async def price() -> int:
        found = await session.run_sync(rates.get_rate, "probe.admin", "free")
        return found.price(10)

    fields = {"operation": "probe.admin", "tier": "", "fixed": "1", "per_unit": "2"}
    await browser.get("/rate/create")
    answer = await browser.post("/rate/create", unfinished="release", **fields)
    assert answer.status_code == 302, answer.text
    assert await price() == 21
    rate = (await session.exec(select(Rate).where(Rate.operation == "probe.admin"))).one()
    page = f"/rate/action/change?pks={rate.id}"
    answer = await browser.post(page, fixed="0", per_unit="3", reason="Dearer")
    assert answer.status_code == 303, answer.text
    assert await price() == 30
    assert len(await session.run_sync(rates.list_versions, "probe.admin")) == 2
    assert (await recorded(session, "change")).reason == "Dearer"
    wrong = await browser.post("/rate/create", unfinished="release", **fields | {"operation": "X"})
    assert (wrong.status_code, "Operation: " in wrong.text) == (400, True)


async def test_a_tier_is_changed(browser: Browser, session: AsyncSession) -> None:
    await browser.get("/tier/edit/free")
    answer = await browser.post("/tier/edit/free", allocation="7", rollover="", daily_charges="3")
    assert answer.status_code == 302, answer.text
    tier = await session.get(Tier, "free", populate_existing=True)
    assert tier
    assert (tier.allocation, tier.rollover, tier.daily_charges) == (7, None, 3)
    wrong = await browser.post("/tier/edit/free", allocation="-7", rollover="", daily_charges="3")
    assert (wrong.status_code, "Allocation: " in wrong.text) == (400, True)


async def test_a_hold_is_released(browser: Browser, person: Person, session: AsyncSession) -> None:
    before = await balance(session, person)
    placed: Any = await session.run_sync(
        lambda sync: holds.place(sync, person.id, 5, "Test", duration=HOUR)
    )
    await session.commit()
    page = f"/hold/action/release?pks={placed.id}"
    assert (await browser.post(page, reason="Stuck")).status_code == 303
    hold = await session.get(Hold, placed.id, populate_existing=True)
    assert hold
    assert (hold.state, await balance(session, person)) == (HoldState.RELEASED, before)
    again = await browser.post(page, reason="Stuck")
    assert (again.status_code, codes(again)) == (409, ["hold_ended"])


async def test_the_dashboard_shows_the_last_verification(
    browser: Browser, person: Person, session: AsyncSession
) -> None:
    for result, shown in (([], ("green", "0")), ([{"user_id": "x"}], ("red", "1"))):
        task = TaskRecord(
            name="credits.verify",
            arguments={},
            state=TaskState.SUCCESS,
            ended_at=utcnow(),
            result=result,
        )
        session.add(task)
        await session.commit()
        page = (await browser.get("/")).text
        figure = r'Discrepancies</a></span>\s*<strong class="[^"]* text-(\w+)">(\d+)<'
        assert re.findall(figure, page) == [shown]


async def test_support_reads_and_cannot_change(
    client: AsyncClient,
    supabase: LocalSupabase,
    sign_in: SignIn,
    person: Person,
    session: AsyncSession,
) -> None:
    await session.run_sync(rates.set_rate, RateCreate(operation="probe.admin"))
    before = await balance(session, person)
    browser = Browser(client, supabase)
    await browser.sign_in(await sign_in(role=Role.SUPPORT))
    for name in ("account", "transaction", "hold", "rate", "tier"):
        answer = await browser.get(f"/{name}/list")
        assert answer.status_code == 200, name
        assert "/action/" not in answer.text, name
    for page in (f"/account/action/grant?pks={person.id}", "/rate/create", "/tier/edit/free"):
        assert (await browser.post(page, amount="5", reason="x")).status_code == 403, page
    assert await balance(session, person) == before
