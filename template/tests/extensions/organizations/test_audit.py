"""Each entry of the audit log names the organization that it is about."""

from uuid import UUID, uuid4

import pytest
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.features import load_models
from app.extensions.admin.models import AuditEntry
from app.extensions.organizations.models import Invitation, Member
from app.extensions.organizations.service import holdings
from app.extensions.organizations.service.scope import Scope, within
from app.extensions.users.models import Status, User
from tests.extensions.admin.browser import Browser
from tests.extensions.admin.conftest import admin, browser, no_sessions  # noqa: F401 - fixtures
from tests.extensions.admin.test_audit import entries
from tests.extensions.organizations.rows import Words, fill
from tests.support.people import Person
from tests.support.tenants import Tenant, Tenants

load_models()


async def recorded(session: AsyncSession, **values: object) -> UUID | None:
    """Add an entry; return what it belongs to."""
    entry = AuditEntry.model_validate({"actor_id": uuid4(), "action": "probe"} | values)
    session.add(entry)
    await session.commit()
    return entry.belongs_to


@pytest.fixture
async def acme(tenants: Tenants) -> Tenant:
    return await tenants.create("Acme")


def scope_of(tenant: Tenant) -> Scope:
    return Scope(tenant.id, tenant.slug, "Acme", tenant.people["owner"].id, "owner")


@pytest.mark.parametrize("holding", holdings.known(), ids=lambda each: each.table)
async def test_a_row_of_every_table_leads_to_its_organization(
    session: AsyncSession, acme: Tenant, holding: holdings.Holding
) -> None:
    value = holding.value(scope_of(acme))
    if value != acme.id:  # a machine of the organization
        session.add(User(id=value, machine=True, status=Status.APPROVED))
        await session.flush()
        session.add(Member(organization_id=acme.id, user_id=value, role="member"))
        await session.commit()
    for facts in ("before", "after"):
        named = {"subject": holding.table, facts: {holding.column: str(value)}}
        assert await recorded(session, **named) == acme.id
    for other in (uuid4(), acme.people["owner"].id):
        named = {"subject": holding.table, "after": {holding.column: str(other)}}
        assert await recorded(session, **named) is None


async def test_a_row_is_found_by_its_key(session: AsyncSession, acme: Tenant) -> None:
    await fill(session, acme, Words.new())
    invitation = (await session.exec(select(Invitation.id))).first()
    owner = acme.people["owner"].id
    for table, key, expected in (
        ("organizations", acme.id, acme.id),
        ("organizations_invitations", invitation, acme.id),
        ("organizations_members", f"{acme.id};{owner}", acme.id),
        ("organizations_members", owner, None),
        ("organizations_invitations", uuid4(), None),
        ("organizations_invitations", "no key", None),
        ("organizations", None, None),
        ("users", owner, None),
        (None, None, None),
    ):
        assert await recorded(session, subject=table, subject_id=key and str(key)) == expected


async def test_what_is_about_no_row_belongs_to_the_running_organization(
    session: AsyncSession, acme: Tenant, tenants: Tenants
) -> None:
    other = await tenants.create("Other")
    with within(acme.id):
        assert await recorded(session, subject="users", subject_id=str(uuid4())) == acme.id
        row = {"subject": "organizations", "subject_id": str(other.id)}
        assert await recorded(session, **row) == other.id


async def test_the_site_shows_the_organization_and_filters_by_it(
    browser: Browser,  # noqa: F811
    admin: Person,  # noqa: F811
    tenants: Tenants,
    session: AsyncSession,
) -> None:
    pair = [await tenants.create(name) for name in ("A", "B")]
    for tenant in pair:
        url = f"/organization/action/close?pks={tenant.id}"
        await browser.get(url)
        assert (await browser.post(url, reason=f"asked by {tenant.slug}")).status_code == 303
        (entry,) = await entries(session, subject_id=str(tenant.id), action="close")
        assert entry.belongs_to == tenant.id
    for tenant, other in (pair, pair[::-1]):
        for value in (str(tenant.id), tenant.slug):
            page = (await browser.get("/audit-entry/list", belongs_to=value)).text
            assert f"asked by {tenant.slug}" in page
            assert f"/organization/details/{tenant.id}" in page
            assert other.slug not in page
        details = (await browser.get(f"/organization/details/{tenant.id}")).text
        assert f"/audit-entry/list?belongs_to={tenant.id}" in details
    everything = select(AuditEntry).where(col(AuditEntry.action) == "sign_in")
    (signed_in,) = await session.exec(everything.where(col(AuditEntry.actor_id) == admin.id))
    assert signed_in.belongs_to is None
