"""Credits of organizations: who pays, who sees what, and that nothing crosses."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from typing import Any
from uuid import UUID, uuid4

import pytest
from fastapi import APIRouter, FastAPI
from httpx import AsyncClient
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.database import act_as
from app.core.errors import ConflictError
from app.core.tasks import TaskError
from app.extensions.credits.deps import charge
from app.extensions.credits.schemas import RateCreate
from app.extensions.credits.service import accounts, entries, holders, rates
from app.extensions.credits.service.decorators import charged
from app.extensions.organizations.deps import HEADER
from app.extensions.organizations.models import Member
from app.extensions.organizations.service.scope import within
from app.extensions.users.models import Role, Status, User
from devstack.supabase import LocalSupabase
from tests.support.people import Person, SignIn
from tests.support.processes import PROJECT
from tests.support.tenants import Tenant, Tenants
from tests.support.transaction import session_inside

PATH = "/api/v1/credits"
LEDGER = ("transactions", "transactions.csv", "summary", "holds")
OPERATION = "probe.share"

router = APIRouter()


@router.post("/probe/share", dependencies=[charge(OPERATION)])
async def by_header() -> None:
    """A metered route with a path of its own."""


@router.post("/probe/{organization}/share", dependencies=[charge(OPERATION)])
async def by_path(organization: str) -> None:
    """A metered route below an organization."""


@pytest.fixture(autouse=True)
def _probes(running_app: FastAPI) -> Iterator[None]:
    before = list(running_app.router.routes)
    running_app.include_router(router)
    rates.clear_cache()
    yield
    rates.clear_cache()
    running_app.router.routes[:] = before


async def set_rate(session: AsyncSession) -> None:
    try:
        await session.run_sync(rates.set_rate, RateCreate(operation=OPERATION, fixed=7))
    except ConflictError:
        await session.rollback()


async def give(session: AsyncSession, tenant: Tenant, amount: int) -> None:
    await session.run_sync(entries.grant, tenant.id, amount, "Filled")
    await session.commit()


async def ask(tenant: Tenant, who: str | Person, path: str, **headers: str) -> Any:
    """Ask for credits of the organization, as somebody with a role or as a person."""
    person = tenant.people[who] if isinstance(who, str) else who
    headers = person.headers | {HEADER: tenant.slug} | headers
    return await tenant.client.get(f"{PATH}/{path}", headers=headers)


async def balances(session: AsyncSession, *ids: UUID) -> list[int]:
    return [(await session.run_sync(accounts.get_balance, each)).balance for each in ids]


@pytest.fixture
async def acme(tenants: Tenants, session: AsyncSession) -> Tenant:
    """An organization with 20 credits."""
    await set_rate(session)
    tenant = await tenants.create("Acme", "admin", "member")
    await give(session, tenant, 20)
    return tenant


async def test_an_organization_starts_without_credits(
    client: AsyncClient, tenants: Tenants
) -> None:
    tenant = await tenants.create("Empty")
    found = (await ask(tenant, "owner", "balance")).json()
    assert found == {
        "user_id": str(tenant.id), "tier": "organization", "balance": 0, "held": 0, "allowance": 0,
        "charges_today": 0, "daily_charges": None,
    }  # fmt: skip


async def test_a_request_in_an_organization_is_paid_by_it(
    client: AsyncClient, acme: Tenant, session: AsyncSession
) -> None:
    member = acme.people["member"]
    before = await balances(session, member.id)
    for path in ("/probe/share", f"/probe/{acme.slug}/share"):
        headers = member.headers | ({HEADER: acme.slug} if path == "/probe/share" else {})
        assert (await client.post(path, headers=headers)).status_code == 200
    assert await balances(session, acme.id, member.id) == [6, *before]
    refused = await client.post(f"/probe/{acme.slug}/share", headers=member.headers)
    assert (refused.status_code, refused.json()["missing"]) == (402, 1)
    # Without an organization, the user pays.
    assert (await client.post("/probe/share", headers=member.headers)).status_code == 200
    assert await balances(session, acme.id, member.id) == [6, before[0] - 7]


async def test_the_path_counts_and_not_the_header(
    client: AsyncClient, acme: Tenant, tenants: Tenants, session: AsyncSession
) -> None:
    other = await tenants.create("Other")
    session.add(Member(organization_id=other.id, user_id=acme.people["member"].id, role="member"))
    await give(session, other, 20)
    headers = acme.people["member"].headers | {HEADER: other.slug}
    assert (await client.post(f"/probe/{acme.slug}/share", headers=headers)).status_code == 200
    assert await balances(session, acme.id, other.id) == [13, 20]


async def test_members_with_the_same_idempotency_key_are_two(
    client: AsyncClient, acme: Tenant, session: AsyncSession
) -> None:
    for role in ("admin", "member"):
        headers = acme.people[role].headers | {HEADER: acme.slug, "Idempotency-Key": "1"}
        assert (await client.post("/probe/share", headers=headers)).status_code == 200
        again = await client.post("/probe/share", headers=headers)
        assert again.json()["code"] == "already_charged"
    assert await balances(session, acme.id) == [6]


async def test_members_see_the_balance_and_managers_the_ledger(acme: Tenant) -> None:
    for role in ("owner", "admin", "member"):
        assert (await ask(acme, role, "balance")).json()["balance"] == 20
        for path in LEDGER:
            answer = await ask(acme, role, path)
            assert answer.status_code == (403 if role == "member" else 200), (role, path)
            assert "Filled" in answer.text or path in ("summary", "holds") or role == "member"


async def test_the_role_billing_sees_the_ledger(acme: Tenant, tenants: Tenants) -> None:
    await tenants.join(acme, "billing")
    assert "Filled" in (await ask(acme, "billing", "transactions")).text


@pytest.mark.parametrize("path", ["balance", *LEDGER])
async def test_nobody_else_finds_an_account(
    client: AsyncClient, acme: Tenant, tenants: Tenants, session: AsyncSession, path: str
) -> None:
    other = await tenants.create("Other")
    removed = await tenants.join(acme, "removed")
    await acme.ask("owner", "DELETE", f"/members/{removed.id}")
    for person in (other.people["owner"], removed):
        answer = await ask(acme, person, path)
        assert (answer.status_code, answer.json()["code"]) == (404, "organization_not_found")
        headers = person.headers | {HEADER: acme.slug}
        assert (await client.post("/probe/share", headers=headers)).status_code == 404
        # The own account shows nothing of the other.
        own = await client.get(f"{PATH}/{path}", headers=person.headers)
        assert own.status_code == 200
        assert str(acme.id) not in own.text
        assert "Filled" not in own.text
    assert await balances(session, acme.id) == [20]


async def test_the_export_has_the_ledger(
    acme: Tenant, tenants: Tenants, session: AsyncSession
) -> None:
    other, owner = await tenants.create("Other"), acme.people["owner"]
    await give(session, other, 5)
    await session.run_sync(entries.grant, owner.id, 3, "Mine")
    await session.commit()
    exported = (await acme.ask("owner", "GET", "/export")).json()
    (account,) = exported["credits_accounts"]
    assert (account["user_id"], account["balance"]) == (str(acme.id), 20)
    (entry,) = exported["credits_transactions"]
    assert (entry["kind"], entry["amount"], entry["reason"]) == ("addition", 20, "Filled")
    assert exported["credits_holds"] == []
    assert (await acme.ask("admin", "GET", "/export")).status_code == 403


async def test_a_personal_organization_has_the_credits_of_its_user(
    client: AsyncClient, sign_in: SignIn
) -> None:
    person = await sign_in()
    made = await client.post("/api/v1/organizations/personal", headers=person.headers)
    mine = (await client.get(f"{PATH}/balance", headers=person.headers)).json()
    headers = person.headers | {HEADER: made.json()["slug"]}
    assert (await client.get(f"{PATH}/balance", headers=headers)).json() == mine
    assert mine["balance"] == 200
    assert mine["user_id"] == str(person.id)


async def test_operators_name_an_organization_by_its_id_or_slug(
    client: AsyncClient, acme: Tenant, sign_in: SignIn, session: AsyncSession
) -> None:
    admin = await sign_in(role=Role.ADMIN)
    path = f"{PATH}/accounts/{acme.id}"
    body = {"amount": 5, "reason": "Thanks"}
    assert (await client.post(f"{path}/grant", json=body, headers=admin.headers)).status_code == 201
    assert (await client.get(path, headers=admin.headers)).json()["balance"] == 25
    unknown = await client.get(f"{PATH}/accounts/{uuid4()}", headers=admin.headers)
    assert unknown.status_code == 404
    assert await session.run_sync(holders.find, acme.slug) == acme.id
    assert await session.run_sync(holders.find, "nobody") is None


async def test_the_account_of_a_personal_organization_is_that_of_its_user(
    client: AsyncClient, sign_in: SignIn
) -> None:
    admin, person = await sign_in(role=Role.ADMIN), await sign_in()
    own = await client.post("/api/v1/organizations/personal", headers=person.headers)
    paths = [f"{PATH}/accounts/{each}" for each in (own.json()["id"], person.id)]
    before = (await client.get(paths[1], headers=admin.headers)).json()["balance"]
    body = {"amount": 5, "reason": "Thanks"}
    await client.post(f"{paths[0]}/grant", json=body, headers=admin.headers)
    for path in paths:
        account = (await client.get(path, headers=admin.headers)).json()
        assert (account["user_id"], account["balance"]) == (str(person.id), before + 5)
        entries = await client.get(f"{path}/transactions", headers=admin.headers)
        assert entries.json()["items"][0]["reason"] == "Thanks"


async def test_a_task_is_paid_by_the_organization_in_which_it_was_enqueued(
    acme: Tenant, session: AsyncSession
) -> None:
    @charged(OPERATION)
    async def work(session: AsyncSession, owner_id: UUID) -> None: ...

    member = acme.people["member"].id
    before = await balances(session, member)
    with within(acme.id):
        await work(session, member)
    await session.commit()
    assert await balances(session, acme.id, member) == [13, *before]
    await work(session, member)
    assert await balances(session, acme.id, member) == [13, before[0] - 7]
    with within(uuid4()), pytest.raises(TaskError, match="does not exist any more"):
        await work(session, member)


async def test_over_the_interfaces_of_supabase_members_read_their_account_only(
    connection: AsyncConnection, acme: Tenant, tenants: Tenants, session: AsyncSession
) -> None:
    other = await tenants.create("Other")
    await give(session, other, 3)
    seen = {}
    for name, person in (*acme.people.items(), ("stranger", other.people["owner"])):
        acting = session_inside(connection)
        act_as(acting, person.id)
        for table in ("accounts", "transactions"):
            query = text(f"SELECT user_id FROM app.credits_{table}")
            found = (await (await acting.connection()).execute(query)).scalars()
            shared = {acme.id: "acme", other.id: "other"}
            seen[name, table] = {shared[each] for each in found if each in shared}
        await acting.close()
    for role in ("owner", "admin", "member"):
        assert seen[role, "accounts"] == {"acme"}
        assert seen[role, "transactions"] == (set() if role == "member" else {"acme"})
    assert seen["stranger", "accounts"] == seen["stranger", "transactions"] == {"other"}


# --- With real commits ------------------------------------------------------------------------


@pytest.fixture
async def shared(
    committed: AsyncClient, running_app: FastAPI, supabase: LocalSupabase
) -> AsyncIterator[Tenant]:
    """An organization of two people with 20 credits, in the database of `committed`."""
    async with running_app.state.database.session() as session:

        async def sign_in(**_: object) -> Person:
            email = f"{uuid4().hex[:12]}@example.com"
            user_id = UUID(supabase.user(email).id)
            session.add(User(id=user_id, email=email, status=Status.APPROVED))
            await session.commit()
            token = supabase.issue_token(email)
            return Person(user_id, email, {"Authorization": f"Bearer {token}"})

        await set_rate(session)
        tenant = await Tenants(committed, session, sign_in).create("Shared", "member")
        await give(session, tenant, 20)
        yield tenant


async def test_members_who_pay_at_once_do_not_spend_more_than_there_is(
    committed: AsyncClient, running_app: FastAPI, shared: Tenant
) -> None:
    people = [each.headers | {HEADER: shared.slug} for each in shared.people.values()]
    answers = await asyncio.gather(
        *(committed.post("/probe/share", headers=people[n % 2]) for n in range(20))
    )
    paid = [each.status_code for each in answers].count(200)
    assert {each.status_code for each in answers} == {200, 402}
    assert 1 <= paid <= 2
    async with running_app.state.database.session() as session:
        assert await balances(session, shared.id) == [20 - 7 * paid]


async def test_the_money_stays_when_the_option_goes_and_comes_back(
    committed_url: str, running_app: FastAPI, shared: Tenant
) -> None:
    everybody = (shared.id, *(each.id for each in shared.people.values()))
    async with running_app.state.database.session() as session:
        before = await balances(session, *everybody)
    for change in (
        ["downgrade", "--feature", "credits_organizations", "base", "--yes"],
        ["upgrade"],
    ):
        migrate(committed_url, *change)
        async with running_app.state.database.session() as session:
            assert await balances(session, *everybody) == before


def migrate(url: str, *arguments: str) -> None:
    subprocess.run(
        [sys.executable, "-m", "app", "db", *arguments],
        cwd=PROJECT,
        env=os.environ | {"DATABASE_URL": url},
        check=True,
    )
