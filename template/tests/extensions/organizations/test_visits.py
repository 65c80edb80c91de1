"""The support team opens an organization for some minutes, and everybody concerned can see it."""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
from fastapi import APIRouter, FastAPI
from httpx import AsyncClient, Response
from sqlalchemy import update
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.database import act_as
from app.core.database.models import utcnow
from app.core.features import load
from app.extensions.admin.audit import table_of
from app.extensions.admin.views import View
from app.extensions.organizations.deps import HEADER, HeaderOrganization
from app.extensions.organizations.models import Member, Organization
from app.extensions.organizations_admin import organizations as guests
from app.extensions.organizations_admin.models import Visit
from app.extensions.users import service as users
from app.extensions.users.deps import LiveUser
from app.extensions.users.models import Role, User
from tests.extensions.admin.browser import Browser, codes
from tests.extensions.admin.conftest import admin, browser, no_sessions  # noqa: F401 - fixtures
from tests.extensions.admin.test_audit import entries
from tests.extensions.organizations.rows import KEY, Words, fill, scoped_tables
from tests.support.people import Person, SignIn
from tests.support.tenants import PATH, Tenant, Tenants
from tests.support.transaction import session_inside

VISITS = "/support-visits"
router = APIRouter()


@router.post("/probe/change")
async def change(scope: HeaderOrganization) -> str:
    return scope.role


@router.get("/probe/credentials")
async def show_credentials(scope: HeaderOrganization, _: LiveUser) -> str:
    return scope.role


@pytest.fixture(autouse=True)
def _probes(running_app: FastAPI) -> Iterator[None]:
    before = list(running_app.router.routes)
    running_app.include_router(router)
    yield
    running_app.router.routes[:] = before


async def visit(browser: Browser, tenant: Tenant, reason: str = "") -> UUID:  # noqa: F811
    """Open an organization; return the id of the visit."""
    assert (await browser.get("/visit", slug=tenant.slug)).status_code == 200
    answer = await browser.post("/visit", slug=tenant.slug, reason=reason)
    assert answer.status_code == 303, answer.text
    return UUID(answer.headers["location"].rpartition("/")[2])


def reason_of(answer: Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


async def changed(tenant: Tenant, person: Person) -> Response:
    headers = person.headers | {HEADER: tenant.slug}
    return await tenant.client.post("/probe/change", headers=headers)


async def test_nobody_sees_an_organization_without_a_visit(
    admin: Person,  # noqa: F811
    tenants: Tenants,
) -> None:
    acme = await tenants.create()
    assert reason_of(await acme.ask(admin, "GET")) == (404, "organization_not_found")


async def test_without_a_reason_a_visitor_reads_what_members_read(
    browser: Browser,  # noqa: F811
    admin: Person,  # noqa: F811
    tenants: Tenants,
    session: AsyncSession,
) -> None:
    acme, other = await tenants.create("Acme", "member"), await tenants.create("Other")
    await visit(browser, acme)
    for path in ("", "/members"):
        seen = [await acme.ask(person, "GET", path) for person in (admin, "member")]
        assert [each.status_code for each in seen] == [200, 200]
        assert seen[0].json() == seen[1].json()
    assert (await other.ask(admin, "GET")).status_code == 404
    assert reason_of(await changed(acme, admin)) == (403, "visit_reads_only")
    acts = await entries(session, action="visit_act")
    assert [(each.actor_id, each.subject_id, each.reason) for each in acts] == [
        (admin.id, str(acme.id), None)
    ] * 2
    assert {each.after["path"] for each in acts if each.after} == {
        f"{PATH}/{acme.slug}",
        f"{PATH}/{acme.slug}/members",
    }


async def test_with_a_reason_a_visitor_changes_things_and_each_act_is_recorded(
    browser: Browser,  # noqa: F811
    admin: Person,  # noqa: F811
    tenants: Tenants,
    session: AsyncSession,
) -> None:
    acme = await tenants.create()
    await visit(browser, acme, "Ticket 42")
    answer = await changed(acme, admin)
    assert (answer.status_code, answer.json()) == (200, "member")
    (opened,) = await entries(session, action="visit")
    (act,) = await entries(session, action="visit_act")
    for entry in (opened, act):
        assert (entry.actor_id, entry.actor_email) == (admin.id, admin.email)
        assert (entry.subject_id, entry.reason) == (str(acme.id), "Ticket 42")
        assert entry.belongs_to == acme.id
    assert act.after == {"method": "POST", "path": "/probe/change"}


async def test_a_visitor_gets_nowhere_near_credentials(
    browser: Browser,  # noqa: F811
    admin: Person,  # noqa: F811
    tenants: Tenants,
    client: AsyncClient,
) -> None:
    acme = await tenants.create("Acme", "member")
    await visit(browser, acme, "Ticket 42")
    invited = {"email": "friend@example.com", "role": "admin"}
    for method, path, body in (
        ("GET", "/invitations", None),
        ("POST", "/invitations", invited),
        ("GET", "/export", None),
        ("DELETE", "", None),
        ("PATCH", f"/members/{acme.people['member'].id}", {"role": "owner"}),
        ("GET", VISITS, None),
    ):
        answer = await acme.ask(admin, method, path, body)
        assert answer.status_code in (403, 404), (method, path, answer.text)
    headers = {HEADER: acme.slug}
    answer = await client.get("/probe/credentials", headers=admin.headers | headers)
    assert reason_of(answer) == (403, "visit_refused")
    member = acme.people["member"].headers | headers
    assert (await client.get("/probe/credentials", headers=member)).status_code == 200


async def test_owners_and_admins_see_visits(
    browser: Browser,  # noqa: F811
    admin: Person,  # noqa: F811
    tenants: Tenants,
) -> None:
    acme = await tenants.create("Acme", "admin", "member")
    await visit(browser, acme, "Ticket 42")
    for role in ("owner", "admin"):
        (seen,) = (await acme.ask(role, "GET", VISITS)).json()["items"]
        assert (seen["visitor_email"], seen["reason"]) == (admin.email, "Ticket 42")
    assert reason_of(await acme.ask("member", "GET", VISITS)) == (403, "role_required")


async def test_a_visit_ends_by_itself_and_at_once(
    browser: Browser,  # noqa: F811
    admin: Person,  # noqa: F811
    tenants: Tenants,
    session: AsyncSession,
) -> None:
    acme = await tenants.create()
    visit_id = await visit(browser, acme)
    row = await session.get_one(Visit, visit_id)
    assert 0 < (row.expires_at - row.created_at).total_seconds() <= 15 * 60
    assert (await acme.ask(admin, "GET")).status_code == 200
    await session.exec(update(Visit).values(expires_at=utcnow()))
    await session.commit()
    assert (await acme.ask(admin, "GET")).status_code == 404
    second = await visit(browser, acme)
    assert (await acme.ask(admin, "GET")).status_code == 200
    url = f"/visit/action/end?pks={second}"
    await browser.get(url)
    assert (await browser.post(url)).status_code == 303
    assert (await acme.ask(admin, "GET")).status_code == 404
    await visit(browser, acme)
    await acme.ask("owner", "DELETE")
    assert (await acme.ask(admin, "GET")).status_code == 404
    await browser.get("/visit")
    answer = await browser.post("/visit", slug=acme.slug, reason="")
    assert (answer.status_code, codes(answer)) == (409, ["organization_deleted"])


async def test_the_role_support_only_reads(
    client: AsyncClient,
    browser: Browser,  # noqa: F811
    admin: Person,  # noqa: F811
    tenants: Tenants,
    session: AsyncSession,
) -> None:
    acme = await tenants.create()
    await visit(browser, acme, "Ticket 42")
    for role, expected in ((Role.SUPPORT, "visit_reads_only"), (Role.USER, None)):
        await session.exec(update(User).where(col(User.id) == admin.id).values(role=role))
        await session.commit()
        users.evict(admin.id)
        if expected:
            assert reason_of(await changed(acme, admin)) == (403, expected)
            assert (await acme.ask(admin, "GET")).status_code == 200
        else:  # whoever has left the team has lost every visit
            assert (await acme.ask(admin, "GET")).status_code == 404


async def test_a_token_of_another_kind_does_not_visit(
    browser: Browser,  # noqa: F811
    admin: Person,  # noqa: F811
    tenants: Tenants,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A key of the visitor for example, which sets `actor_id`."""
    acme = await tenants.create()
    await visit(browser, acme)
    actor_id = SimpleNamespace(get=lambda: "api_key:1")
    monkeypatch.setattr(guests, "context", SimpleNamespace(actor_id=actor_id))
    assert (await acme.ask(admin, "GET")).status_code == 404


async def test_over_the_interfaces_of_supabase_a_visit_opens_nothing(
    browser: Browser,  # noqa: F811
    admin: Person,  # noqa: F811
    tenants: Tenants,
    connection: Any,
) -> None:
    acme = await tenants.create()
    await visit(browser, acme, "Ticket 42")
    session = session_inside(connection)
    act_as(session, admin.id)
    async with session:
        found = await session.exec(select(Member).where(col(Member.organization_id) == acme.id))
        assert found.all() == []


async def test_an_unknown_organization(
    browser: Browser,  # noqa: F811
    admin: Person,  # noqa: F811
) -> None:
    await browser.get("/visit")
    answer = await browser.post("/visit", slug="nothing", reason="")
    assert (answer.status_code, codes(answer)) == (404, ["organization_not_found"])


async def test_a_personal_organization_is_not_visited(
    browser: Browser,  # noqa: F811
    admin: Person,  # noqa: F811
    client: AsyncClient,
    sign_in: SignIn,
) -> None:
    person = await sign_in()
    own = (await client.post(f"{PATH}/personal", headers=person.headers)).json()
    await browser.get("/visit")
    answer = await browser.post("/visit", slug=own["slug"], reason="")
    assert (answer.status_code, codes(answer)) == (409, ["personal_organization"])


# --- Filters ----------------------------------------------------------------------------------


def views() -> list[type[View]]:
    """The views of all features whose rows have an organization."""
    tables = {each.name for each in scoped_tables()}
    return [
        each
        for _, module in load("admin")
        for each in vars(module).values()
        if isinstance(each, type)
        and issubclass(each, View)
        and each.__module__ == module.__name__
        and table_of(each.model) in tables
    ]


async def test_each_view_is_filtered_by_organization(
    browser: Browser,  # noqa: F811
    admin: Person,  # noqa: F811
    tenants: Tenants,
    session: AsyncSession,
) -> None:
    pair = [await tenants.create(name, "member") for name in ("A", "B")]
    words = [Words.new() for _ in pair]
    for tenant, each in zip(pair, words, strict=True):
        await fill(session, tenant, each)
    found = {each.identity for each in views()}
    assert {"member", "invitation", "visit"} <= found
    for identity in found:
        for tenant, other in (pair, pair[::-1]):
            organizations = [await session.get_one(Organization, tenant.id)]
            for value in (str(tenant.id), organizations[0].slug):
                page = await browser.get(f"/{identity}/list", **{KEY: value})
                assert page.status_code == 200, identity
                assert f"/organization/details/{tenant.id}" in page.text, (identity, value)
                assert f"/organization/details/{other.id}" not in page.text, (identity, value)
