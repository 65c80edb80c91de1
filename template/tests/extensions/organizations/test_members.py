"""Members: who changes whom, and the last owner."""

import asyncio
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from httpx import AsyncClient, Response
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlmodel import col, delete
from sqlmodel.ext.asyncio.session import AsyncSession
from typer.testing import CliRunner, Result

from app.core.database import Reader, async_engine
from app.core.database.models import utcnow
from app.core.errors import ConflictError
from app.core.settings import get_settings, load_settings
from app.extensions.organizations.cli import cli
from app.extensions.organizations.models import Member
from app.extensions.organizations.service import members as service
from app.extensions.organizations.service import roles
from app.extensions.organizations.service.scope import Scope
from app.extensions.users import service as users
from app.extensions.users.models import Status, User
from app.extensions.users.schemas import UserRead
from app.extensions.users.tasks import report_excluded
from devstack.supabase import LocalSupabase
from tests.support.logs import rendered
from tests.support.people import Person
from tests.support.tenants import PATH, Tenant, Tenants


async def members(tenant: Tenant) -> dict[str, str]:
    """Role by user id."""
    found: dict[str, str] = {}
    for person in tenant.people.values():
        page = await tenant.ask(person, "GET", "/members")
        if page.status_code == 200:
            found = {each["user_id"]: each["role"] for each in page.json()["items"]}
    return found


async def test_members_are_listed_with_their_names(tenants: Tenants) -> None:
    acme = await tenants.create("Acme", "member")
    page = (await acme.ask("member", "GET", "/members?limit=1")).json()
    assert page["total"] == 2
    assert page["items"][0]["email"] == acme.people["owner"].email
    behind = (await acme.ask("member", "GET", "/members?offset=5")).json()
    assert (behind["items"], behind["total"]) == ([], 2)
    assert (await acme.ask("member", "GET", "/members?total=false")).json()["total"] is None


async def test_a_member_whose_user_goes_during_the_request_is_left_out(
    tenants: Tenants, session: AsyncSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    acme = await tenants.create("Acme", "member")
    owner, gone = acme.people["owner"].id, acme.people["member"].id
    read = users.get_many

    async def remove_and_read(reader: Reader, ids: list[UUID]) -> dict[UUID, UserRead]:
        await session.exec(delete(User).where(col(User.id) == gone))
        return await read(reader, ids)

    monkeypatch.setattr(service, "get_many", remove_and_read)
    answer = await acme.ask("owner", "GET", "/members")
    assert answer.status_code == 200
    assert [each["user_id"] for each in answer.json()["items"]] == [str(owner)]


@pytest.mark.parametrize(
    ("actor", "target", "role", "status"),
    [
        ("owner", "member", "owner", 204),
        ("owner", "admin", "member", 204),
        ("admin", "member", "admin", 204),
        ("admin", "member", "owner", 403),
        ("admin", "owner", "member", 403),
        ("member", "member", "admin", 403),
        ("owner", "owner", "member", 409),
        ("owner", "member", "emperor", 422),
    ],
)
async def test_roles_are_changed_by_those_above(
    tenants: Tenants, actor: str, target: str, role: str, status: int
) -> None:
    acme = await tenants.create("Acme", "admin", "member")
    person = acme.people[target]
    answer = await acme.ask(actor, "PATCH", f"/members/{person.id}", {"role": role})
    assert answer.status_code == status
    assert (await members(acme))[str(person.id)] == (role if status == 204 else target)


@pytest.mark.parametrize(
    ("actor", "target", "status"),
    [
        ("owner", "admin", 204),
        ("admin", "member", 204),
        ("admin", "owner", 403),
        ("member", "admin", 403),
        ("member", "member", 204),
        ("owner", "owner", 409),
    ],
)
async def test_removal_takes_effect_with_the_next_request(
    tenants: Tenants, actor: str, target: str, status: int
) -> None:
    acme = await tenants.create("Acme", "admin", "member")
    person = acme.people[target]
    answer = await acme.ask(actor, "DELETE", f"/members/{person.id}")
    assert answer.status_code == status
    assert (await acme.ask(person, "GET")).status_code == (404 if status == 204 else 200)


async def test_a_stranger_is_no_member(tenants: Tenants) -> None:
    acme, other = await tenants.create("Acme"), await tenants.create("Other", "member")
    for user_id in (other.people["member"].id, uuid4()):
        answer = await acme.ask("owner", "DELETE", f"/members/{user_id}")
        assert (answer.status_code, answer.json()["code"]) == (404, "member_not_found")
        refused = await acme.ask("owner", "POST", "/transfer", {"user_id": str(user_id)})
        assert refused.status_code == 404


async def test_ownership_is_transferred_and_the_former_owner_may_leave(tenants: Tenants) -> None:
    acme = await tenants.create("Acme", "member")
    owner, heir = acme.people["owner"], acme.people["member"]
    assert (await acme.ask("owner", "POST", "/leave")).json()["code"] == "last_owner"
    refused = await acme.ask(heir, "POST", "/transfer", {"user_id": str(heir.id)})
    assert refused.status_code == 403
    own = await acme.ask(owner, "POST", "/transfer", {"user_id": str(owner.id)})
    assert own.json()["code"] == "already_owner"
    given = await acme.ask(owner, "POST", "/transfer", {"user_id": str(heir.id)})
    assert given.status_code == 204
    assert await members(acme) == {str(owner.id): "admin", str(heir.id): "owner"}
    assert (await acme.ask(owner, "POST", "/leave")).status_code == 204


async def test_an_owner_who_cannot_sign_in_does_not_count(
    tenants: Tenants, session: AsyncSession
) -> None:
    acme = await tenants.create("Acme", "member")
    owner, other = acme.people["owner"], acme.people["member"]
    path = f"/members/{other.id}"
    assert (await acme.ask(owner, "PATCH", path, {"role": "owner"})).status_code == 204
    await users.set_status(session, other.id, Status.SUSPENDED)
    for method, one, body in (
        ("POST", "/leave", None),
        ("POST", "/transfer", {"user_id": str(other.id)}),
        ("PATCH", f"/members/{owner.id}", {"role": "admin"}),
    ):
        answer = await acme.ask(owner, method, one, body)
        assert (answer.status_code, answer.json()["code"]) == (409, "last_owner")
    await users.set_status(session, other.id, Status.APPROVED)
    assert (await acme.ask(owner, "POST", "/leave")).status_code == 204


async def test_a_ban_of_the_only_owner_is_logged(
    tenants: Tenants, session: AsyncSession, caplog: pytest.LogCaptureFixture
) -> None:
    acme = await tenants.create("Acme", "member")
    owner = acme.people["owner"].id
    user = await users.get(session, owner)
    user.banned_until = utcnow() + timedelta(hours=1)
    await session.flush()
    await report_excluded.function(session, user_id=owner)
    (line,) = [each for each in rendered(caplog) if "organization_without_owner" in each]
    assert acme.slug in line


async def test_an_operator_names_an_owner(
    committed: AsyncClient,
    committed_url: str,
    supabase: LocalSupabase,
    fresh_settings: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lost, heir = [await owner(committed, supabase) for _ in range(2)]
    made = await committed.post(PATH, json={"name": "Lost"}, headers=lost.headers)
    slug = made.json()["slug"]
    monkeypatch.setenv("DATABASE_URL", committed_url)
    load_settings.cache_clear()

    async def own(slug: str) -> Result:
        return await asyncio.to_thread(CliRunner().invoke, cli, ["own", slug, heir.email])

    for _ in range(2):
        done = await own(slug)
        assert (done.exit_code, done.stdout) == (0, f"{heir.email} is an owner of {slug}.\n")
    mine = await committed.get(f"{PATH}/{slug}", headers=heir.headers)
    assert mine.json()["role"] == "owner"
    assert getattr((await own("none")).exception, "code", "") == "organization_not_found"
    theirs = await committed.post(f"{PATH}/personal", headers=lost.headers)
    refused = await own(theirs.json()["slug"])
    assert getattr(refused.exception, "code", "") == "personal_organization"


@pytest.mark.usefixtures("fresh_settings")
async def test_settings_add_roles(tenants: Tenants, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORGANIZATIONS_ROLES", "billing,viewer")
    assert roles.known() == ["owner", "admin", "member", "billing", "viewer"]
    assert roles.allows("billing", "billing")
    assert not roles.allows("viewer", "billing")
    assert roles.allows("admin", "billing")
    assert not roles.allows("admin", "owner")
    acme = await tenants.create("Acme", "member")
    member = acme.people["member"]
    listed = await acme.client.get(f"{PATH}/roles", headers=member.headers)
    assert listed.json() == {"roles": roles.known()}
    path = f"/members/{member.id}"
    assert (await acme.ask("owner", "PATCH", path, {"role": "billing"})).status_code == 204


@pytest.mark.parametrize("way", ["leave", "demote", "remove"])
async def test_of_two_owners_who_go_at_the_same_time_one_stays(
    committed: AsyncClient, supabase: LocalSupabase, answered_links: None, way: str
) -> None:
    """Two real transactions: without the lock, each would see the other as owner."""
    for _ in range(5):
        pair = [await owner(committed, supabase) for _ in range(2)]
        made = await committed.post(PATH, json={"name": "Pair"}, headers=pair[0].headers)
        one = f"{PATH}/{made.json()['slug']}"
        invitation = {"email": pair[1].email, "role": "owner"}
        link = await committed.post(f"{one}/invitations", json=invitation, headers=pair[0].headers)
        token = {"token": link.json()["link"].partition("#token=")[2]}
        await committed.post(f"{PATH}/accept-invitation", json=token, headers=pair[1].headers)

        answers = await asyncio.gather(
            go(committed, one, way, pair[0], pair[1]), go(committed, one, way, pair[1], pair[0])
        )

        first, second = sorted(each.status_code for each in answers)
        assert first in (200, 204)
        assert second in (403, 404, 409)
        pages = [await committed.get(f"{one}/members", headers=each.headers) for each in pair]
        left = next(page.json()["items"] for page in pages if page.status_code == 200)
        assert [each["role"] for each in left].count("owner") == 1


class HeldSession(AsyncSession):
    """A session whose commit waits for `release`; until then its transaction stays open."""

    def __init__(self, engine: AsyncEngine) -> None:
        super().__init__(engine, expire_on_commit=False)
        self.reached, self.release = asyncio.Event(), asyncio.Event()

    async def commit(self) -> None:
        self.reached.set()
        await self.release.wait()
        await super().commit()


@pytest.mark.parametrize("first", ["suspension", "departure"])
async def test_an_owner_does_not_leave_while_the_other_is_suspended(
    committed: AsyncClient,
    committed_url: str,
    supabase: LocalSupabase,
    caplog: pytest.LogCaptureFixture,
    first: str,
) -> None:
    """Two real transactions, of which the second starts while the first is open."""
    leaving, suspended = [await owner(committed, supabase) for _ in range(2)]
    made = await committed.post(PATH, json={"name": "Pair"}, headers=leaving.headers)
    scope = Scope(UUID(made.json()["id"]), made.json()["slug"], "Pair", leaving.id, "owner")

    async def leave(session: AsyncSession) -> str:
        try:
            await service.remove(session, scope, leaving.id)
        except ConflictError as error:
            return error.code
        return "left"

    async def suspend(session: AsyncSession) -> str:
        await users.set_status(session, suspended.id, Status.SUSPENDED)
        return "suspended"

    engine = async_engine(get_settings().model_copy(update={"database_url": committed_url}))
    async with AsyncSession(engine) as session:
        organization_id = scope.organization_id
        session.add(Member(organization_id=organization_id, user_id=suspended.id, role=roles.OWNER))
        await session.commit()
    earlier, later = (suspend, leave) if first == "suspension" else (leave, suspend)
    async with HeldSession(engine) as one, AsyncSession(engine, expire_on_commit=False) as two:
        running = asyncio.create_task(earlier(one))
        await asyncio.wait_for(one.reached.wait(), timeout=10)
        waiting = asyncio.create_task(later(two))
        done, _ = await asyncio.wait([waiting], timeout=0.5)
        assert not done, "it waits for the first"
        one.release.set()
        outcome = {await running, await waiting}
    await engine.dispose()

    warned = "organization_without_owner" in "".join(rendered(caplog))
    expected = {"last_owner"} if first == "suspension" else {"left"}
    assert (outcome, warned) == (expected | {"suspended"}, first == "departure")


async def owner(client: AsyncClient, supabase: LocalSupabase) -> Person:
    email = f"{uuid4().hex[:12]}@example.com"
    headers = {"Authorization": f"Bearer {supabase.issue_token(email)}"}
    me = await client.get("/api/v1/users/me", headers=headers)
    return Person(UUID(me.json()["id"]), email, headers)


async def go(client: AsyncClient, path: str, way: str, who: Person, other: Person) -> Response:
    member = f"{path}/members/{other.id}"
    match way:
        case "leave":
            return await client.post(f"{path}/leave", headers=who.headers)
        case "demote":
            return await client.patch(member, json={"role": "member"}, headers=who.headers)
    return await client.delete(member, headers=who.headers)
