"""Organizations over HTTP: created, read, renamed, deleted, restored, exported."""

import asyncio
from datetime import timedelta
from json import loads
from uuid import UUID, uuid4

import pytest
from httpx import AsyncClient
from sqlmodel import col, literal, select, update
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.database import Database, async_engine
from app.core.database.models import utcnow
from app.core.settings import get_settings
from app.core.tasks.models import TaskRecord
from app.extensions.organizations.models import Invitation, Member, Organization
from app.extensions.organizations.service import export, organizations
from app.extensions.organizations.service.scope import Scope
from app.extensions.organizations.tasks import purge, purge_one
from app.extensions.users import service as users
from devstack.supabase import LocalSupabase
from tests.support.people import Person, SignIn
from tests.support.tenants import PATH, Tenants


async def test_the_creator_is_the_owner_and_sees_only_own_organizations(
    client: AsyncClient, tenants: Tenants
) -> None:
    acme, other = await tenants.create("Äcme & Co.", "member"), await tenants.create("Other")
    assert acme.slug.startswith("acme-co-")
    read = (await acme.ask("member", "GET")).json()
    assert (read["name"], read["role"], read["personal"]) == ("Äcme & Co.", "member", False)
    mine = (await client.get(PATH, headers=acme.people["owner"].headers)).json()
    assert ([each["slug"] for each in mine["items"]], mine["total"]) == ([acme.slug], 1)
    answer = await acme.ask(other.people["owner"], "GET")
    assert (answer.status_code, answer.json()["code"]) == (404, "organization_not_found")


async def test_equal_names_get_different_slugs(tenants: Tenants) -> None:
    assert (await tenants.create("日本")).slug.startswith("org-")
    assert len({(await tenants.create("Same")).slug for _ in range(3)}) == 3


async def test_admins_rename_and_members_do_not(tenants: Tenants) -> None:
    acme = await tenants.create("Acme", "admin", "member")
    renamed = await acme.ask("admin", "PATCH", json={"name": "New"})
    assert (renamed.json()["name"], renamed.json()["slug"]) == ("New", acme.slug)
    refused = await acme.ask("member", "PATCH", json={"name": "Mine"})
    assert (refused.status_code, refused.json()["code"]) == (403, "role_required")


async def test_a_deleted_organization_is_gone_for_all_until_an_owner_restores_it(
    tenants: Tenants,
) -> None:
    acme = await tenants.create("Acme", "admin")
    assert (await acme.ask("admin", "DELETE")).status_code == 403
    assert (await acme.ask("owner", "DELETE")).status_code == 204
    for role in acme.people:
        assert (await acme.ask(role, "GET")).status_code == 404
    stranger = await tenants.create("Other")
    restore = "/restore"
    assert (await acme.ask(stranger.people["owner"], "POST", restore)).status_code == 404
    assert (await acme.ask("admin", "POST", restore)).status_code == 403
    assert (await acme.ask("owner", "POST", restore)).json()["name"] == "Acme"
    assert (await acme.ask("owner", "POST", restore)).status_code == 404  # it is not deleted
    assert (await acme.ask("admin", "GET")).status_code == 200


async def test_an_owner_finds_what_can_be_restored_until_the_deadline(
    client: AsyncClient, tenants: Tenants, session: AsyncSession
) -> None:
    acme = await tenants.create("Acme", "admin")
    owner, admin = acme.people["owner"], acme.people["admin"]
    await acme.ask("owner", "DELETE")

    async def deleted(person: Person) -> list[str]:
        page = await client.get(PATH, params={"deleted": "true"}, headers=person.headers)
        assert page.json()["total"] == len(page.json()["items"])
        return [each["slug"] for each in page.json()["items"] if each["deleted_at"]]

    assert (await deleted(owner), await deleted(admin)) == ([acme.slug], [])
    assert (await client.get(PATH, headers=owner.headers)).json()["items"] == []
    one = update(Organization).where(col(Organization.id) == acme.id)
    await session.exec(one.values(deleted_at=utcnow() - timedelta(days=31)))
    assert await deleted(owner) == []
    assert (await acme.ask("owner", "POST", "/restore")).status_code == 404
    await session.exec(one.values(deleted_at=utcnow() - timedelta(days=29)))
    assert await deleted(owner) == [acme.slug]
    restored = await acme.ask("owner", "POST", "/restore")
    assert (restored.status_code, restored.json()["deleted_at"]) == (200, None)


async def test_a_second_deletion_or_restoration_changes_nothing(
    tenants: Tenants, session: AsyncSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    acme = await tenants.create("Acme")
    events: list[str] = []

    async def emit(_: AsyncSession, name: str, **facts: object) -> None:
        events.append(name)

    monkeypatch.setattr(organizations, "emit", emit)
    first = await organizations.set_deleted(session, acme.id, deleted=True)
    since = first.deleted_at
    assert (await organizations.set_deleted(session, acme.id, deleted=True)).deleted_at == since
    for _ in range(2):
        restored = await organizations.set_deleted(session, acme.id, deleted=False)
        assert restored.deleted_at is None
    assert events == ["organizations.deleted", "organizations.restored"]


async def test_the_schedule_removes_what_was_deleted_long_ago(
    tenants: Tenants, session: AsyncSession
) -> None:
    names = ("Old", "Older", "Recent", "Kept")
    old, older, recent, kept = [await tenants.create(name) for name in names]
    for tenant, days in ((old, 31), (older, 32), (recent, 29)):
        deletion = update(Organization).where(col(Organization.id) == tenant.id)
        await session.exec(deletion.values(deleted_at=utcnow() - timedelta(days=days)))
    await purge.function(session)
    # Each by itself: if one cannot be removed, the others are.
    removals = select(TaskRecord.arguments).where(TaskRecord.name == "organizations.purge_one")
    enqueued = {UUID(each["organization_id"]) for each in await session.exec(removals)}
    assert enqueued == {old.id, older.id}
    for organization_id in (old.id, recent.id):
        await purge_one.function(session, organization_id=organization_id)
    assert await organizations.due(session) == [older.id]
    left = set(await session.exec(select(Organization.slug)))
    assert {recent.slug, kept.slug} <= left
    assert old.slug not in left
    members = await session.exec(select(Member).where(col(Member.organization_id) == old.id))
    assert members.all() == []


@pytest.mark.parametrize("rows", [1, 2, 3, 500])
async def test_an_export_has_all_rows_but_no_hash_and_is_for_owners(
    tenants: Tenants, session: AsyncSession, monkeypatch: pytest.MonkeyPatch, rows: int
) -> None:
    monkeypatch.setattr(export, "ROWS", rows)
    acme, other = [await tenants.create(name, "admin") for name in ("Acme", "Other")]
    for tenant in (acme, other):
        for number in range(3):
            session.add(
                Invitation(
                    organization_id=tenant.id,
                    email=f'{number}"@example.com',
                    role="member",
                    token_hash=f"{tenant.slug}{number}".encode(),
                    expires_at=utcnow(),
                )
            )
    await session.commit()
    exported = await acme.ask("owner", "GET", "/export")
    assert exported.headers["content-type"] == "application/json"
    tables = exported.json()
    assert [each["slug"] for each in tables["organizations"]] == [acme.slug]
    assert len(tables["organizations_members"]) == 2
    invitations = tables["organizations_invitations"]
    assert sorted(each["email"][0] for each in invitations) == ["0", "1", "2"]
    assert "token_hash" not in invitations[0]
    assert str(other.id) not in exported.text
    assert (await acme.ask("admin", "GET", "/export")).status_code == 403


async def test_a_slow_reader_of_an_export_holds_no_connection() -> None:
    one = {"db_pool_size": 1, "db_max_overflow": 0}
    database = Database(async_engine(get_settings().model_copy(update=one)))
    scope = Scope(uuid4(), "acme", "Acme", uuid4(), "owner")
    parts = export.document(database, scope)
    read = [await anext(parts) for _ in range(2)]  # the second one comes after the first query
    async with asyncio.timeout(3):
        await database.reader.rows(select(literal(1)))
    assert loads("".join([*read, *[part async for part in parts]]))["organizations"] == []
    await database.close()


async def test_a_new_user_gets_a_personal_organization(
    client: AsyncClient, supabase: LocalSupabase
) -> None:
    token = supabase.issue_token(f"{uuid4().hex}@example.com")
    headers = {"Authorization": f"Bearer {token}"}
    page = (await client.get(PATH, headers=headers)).json()
    assert [each["personal"] for each in page["items"]] == [True]
    again = await client.post(f"{PATH}/personal", headers=headers)
    assert again.json() == page["items"][0]
    one = f"{PATH}/{again.json()['slug']}"
    body = {"email": "b@example.com"}
    for method, path, json in (
        ("DELETE", "", None),
        ("POST", "/leave", None),
        ("POST", "/invitations", body),
    ):
        refused = await client.request(method, one + path, json=json, headers=headers)
        assert (refused.status_code, refused.json()["code"]) == (409, "personal_organization")


async def test_users_from_before_get_theirs_by_a_request_or_by_the_command(
    client: AsyncClient, session: AsyncSession, sign_in: SignIn
) -> None:
    lazy, absent = await sign_in(), await sign_in()
    asked = [await client.post(f"{PATH}/personal", headers=lazy.headers) for _ in range(2)]
    assert asked[0].json() == asked[1].json()
    assert asked[0].json()["slug"].startswith(lazy.email.partition("@")[0])
    assert await organizations.create_missing(session) >= 1
    assert await organizations.create_missing(session) == 0
    owned = select(Organization.personal_of).where(col(Organization.personal_of) == absent.id)
    assert (await session.exec(owned)).all() == [absent.id]


async def test_a_user_without_an_address_gets_none(session: AsyncSession, sign_in: SignIn) -> None:
    person = await sign_in()
    (await users.get(session, person.id)).email = None
    await session.commit()
    assert not await organizations.ensure_personal(session, person.id)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"name": ""},
        {"name": "x" * 101},
        {"name": "a", "slug": "b"},
        {"name": "A\r\nBcc: x"},
        {"name": "A\x85B"},
        {"name": "A\u202eB"},
        {"name": "A\u2067B"},
    ],
)
async def test_a_wrong_body_is_refused(
    client: AsyncClient, sign_in: SignIn, body: dict[str, str]
) -> None:
    answer = await client.post(PATH, json=body, headers=(await sign_in()).headers)
    assert answer.status_code == 422


async def test_two_first_requests_make_one_personal_organization(
    committed: AsyncClient, supabase: LocalSupabase
) -> None:
    token = supabase.issue_token(f"{uuid4().hex}@example.com")
    headers = {"Authorization": f"Bearer {token}"}
    ask = [committed.post(f"{PATH}/personal", headers=headers) for _ in range(4)]
    answers = await asyncio.gather(*ask)
    assert {each.status_code for each in answers} == {200}
    assert len({each.json()["id"] for each in answers}) == 1
