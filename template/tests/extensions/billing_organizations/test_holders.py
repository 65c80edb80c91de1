"""Organizations subscribe: who may buy, who uses the plan, and what ends with it."""

import pytest
from sqlmodel import select

from app.core.tasks.models import TaskRecord
from app.extensions.billing.models import customers
from app.extensions.billing.service import closing, holders
from app.extensions.organizations.deps import HEADER
from tests.extensions.billing.shop import API, Shop
from tests.support.people import SignIn
from tests.support.tenants import Tenant, Tenants


def headers(tenant: Tenant, role: str) -> dict[str, str]:
    return {**tenant.people[role].headers, HEADER: tenant.slug}


async def test_members_use_the_plan_of_their_organization(shop: Shop, tenants: Tenants) -> None:
    acme, other = await tenants.create("Acme", "member"), await tenants.create("Other")
    await shop.subscribe(headers(acme, "owner"), "team_monthly", seats=2)
    await shop.deliver()
    for role in ("owner", "member"):
        assert (await shop.plan(headers(acme, role)))["plan"] == "team"
        # Alone, they have their own one.
        assert (await shop.plan(acme.people[role].headers))["plan"] == "free"
    assert (await shop.plan(headers(other, "owner")))["plan"] == "free"
    (customer,) = shop.v1.customers.list().data
    owner = acme.people["owner"]
    assert (customer.name, customer.email) == ("Acme", owner.email)
    assert (await shop.rows(customers))[0]["holder_id"] == acme.id


@pytest.mark.parametrize(
    ("role", "status"), [("owner", 200), ("admin", 200), ("billing", 200), ("member", 403)]
)
async def test_who_may_buy(shop: Shop, tenants: Tenants, role: str, status: int) -> None:
    acme = await tenants.create("Acme", *({role} - {"owner"}))
    order = {"price": "team_monthly", "seats": 2}
    answer = await shop.api.post(f"{API}/subscription", json=order, headers=headers(acme, role))
    assert answer.status_code == status
    for path in ("portal", "subscription/cancel", "subscription/refresh"):
        answer = await shop.api.post(f"{API}/{path}", headers=headers(acme, role))
        assert (answer.status_code == 403) == (status == 403)


async def test_a_stranger_sees_nothing(shop: Shop, tenants: Tenants, sign_in: SignIn) -> None:
    acme, stranger = await tenants.create("Acme"), await sign_in()
    for method, path in (("GET", "subscription"), ("GET", "invoices"), ("POST", "portal")):
        answer = await shop.api.request(
            method, f"{API}/{path}", headers={**stranger.headers, HEADER: acme.slug}
        )
        assert (answer.status_code, answer.json()["code"]) == (404, "organization_not_found")


async def test_a_personal_organization_has_the_plan_of_its_user(
    shop: Shop, tenants: Tenants, sign_in: SignIn
) -> None:
    person = await sign_in()
    await shop.subscribe(person.headers, "pro_monthly")
    await shop.deliver()
    found = await shop.api.get("/api/v1/organizations", headers=person.headers)
    personal = [each for each in found.json()["items"] if each["personal"]]
    for each in personal:
        plan = await shop.plan({**person.headers, HEADER: each["slug"]})
        assert plan["plan"] == "pro"


async def test_the_export_has_what_the_organization_pays_for(shop: Shop, tenants: Tenants) -> None:
    acme, other = await tenants.create("Acme"), await tenants.create("Other")
    for tenant in (acme, other):
        await shop.subscribe(headers(tenant, "owner"), "team_monthly")
        await shop.deliver()
    exported = (await acme.ask("owner", "GET", "/export")).json()
    for table in ("billing_customers", "billing_subscriptions", "billing_invoices"):
        assert {each["holder_id"] for each in exported[table]} == {str(acme.id)}, table


async def test_a_deleted_organization_pays_no_more(shop: Shop, tenants: Tenants) -> None:
    acme = await tenants.create("Acme")
    await shop.subscribe(headers(acme, "owner"), "team_monthly")
    await shop.deliver()
    assert (await acme.ask("owner", "DELETE")).is_success
    arguments = select(TaskRecord.arguments).where(TaskRecord.name == "billing.close")
    assert [*await shop.session.exec(arguments)] == [{"holder_id": str(acme.id)}]
    assert await closing.find_gone(shop.session) == ([acme.id], None)
    assert await closing.close(shop.session, acme.id) == 1
    await shop.session.commit()
    await shop.deliver()
    assert shop.v1.subscriptions.list().data == []


async def test_managers_are_told(shop: Shop, tenants: Tenants, sign_in: SignIn) -> None:
    acme = await tenants.create("Acme", "admin", "billing", "member")
    found = await holders.managers(shop.session, acme.id)
    assert found == [acme.people[role].id for role in ("owner", "admin", "billing")]
    person = await sign_in()
    assert await holders.managers(shop.session, person.id) == [person.id]
