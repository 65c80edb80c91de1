"""Keys of organizations: for whom they act, who manages them, and when they end."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from fastapi import APIRouter, FastAPI
from httpx import AsyncClient, Response
from sqlalchemy import delete, update
from sqlmodel import Session, col, select
from sqlmodel.ext.asyncio.session import AsyncSession
from typer.testing import CliRunner

from app.core.cli.errors import CliError
from app.core.database import sync_engine
from app.core.database.models import utcnow
from app.core.errors import ConflictError, NotFoundError
from app.core.row_cache import RowCache
from app.core.settings import get_settings, load_settings
from app.extensions.api_keys import verification
from app.extensions.api_keys.models import ApiKey
from app.extensions.api_keys.schemas import ApiKeyCreate
from app.extensions.organizations.deps import HEADER, HeaderOrganization
from app.extensions.organizations.models import Member, Organization
from app.extensions.organizations.service.scope import Scope, in_task
from app.extensions.organizations.tasks import purge_one
from app.extensions.organizations_api_keys import service
from app.extensions.organizations_api_keys.cli import cli
from app.extensions.users import service as users
from app.extensions.users.deps import CurrentUser
from app.extensions.users.models import Status, User
from app.extensions.users.reconcile import update_rows
from tests.extensions.api_keys.conftest import (  # noqa: F401 - fixtures
    Statements,
    _fresh,
    bearer,
    statements,
)
from tests.support.logs import rendered
from tests.support.people import Person
from tests.support.tenants import PATH, Tenant, Tenants

KEYS = "/api-keys"
NEW = {"name": "Nightly import", "scopes": ["organizations:read", "users:read"]}


async def make(tenant: Tenant, role: str = "owner", **values: Any) -> dict[str, Any]:
    answer = await tenant.ask(role, "POST", KEYS, NEW | values)
    assert answer.status_code == 201, answer.text
    assert answer.headers["cache-control"] == "no-store"
    found: dict[str, Any] = answer.json()
    return found


def machine(key: dict[str, Any]) -> Person:
    return Person(UUID(int=0), "", bearer(key["key"]))


def reason(answer: Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


async def test_a_key_acts_for_its_organization_alone(client: AsyncClient, tenants: Tenants) -> None:
    acme, other = await tenants.create("Acme", "admin"), await tenants.create("Other")
    key = machine(await make(acme, "admin"))
    answer = await acme.ask(key, "GET")
    assert (answer.status_code, answer.json()["slug"]) == (200, acme.slug)
    assert answer.json()["role"] == "member"
    for tenant in (other, Tenant(uuid4(), "nothing-abcdefgh", client)):
        assert reason(await tenant.ask(key, "GET")) == (404, "organization_not_found")
    members = (await acme.ask(key, "GET", "/members")).json()["items"]
    assert [each["display_name"] for each in members if not each["email"]] == ["API keys of Acme"]


async def test_its_name_follows_that_of_the_organization(tenants: Tenants) -> None:
    acme, other = await tenants.create("Acme"), await tenants.create("Other")
    await make(acme)
    await make(other)
    await acme.ask("owner", "PATCH", "", {"name": "Apex"})
    names = [
        each["display_name"]
        for tenant in (acme, other)
        for each in (await tenant.ask("owner", "GET", "/members")).json()["items"]
        if not each["email"]
    ]
    assert names == ["API keys of Apex", "API keys of Other"]


async def test_routes_of_users_refuse_it(client: AsyncClient, tenants: Tenants) -> None:
    key = bearer((await make(await tenants.create()))["key"])
    for path in ("/api/v1/users/me", "/api/v1/api_keys", PATH):
        answer = await client.get(path, headers=key)
        assert reason(answer) == (403, "user_required"), path


async def test_routes_of_users_refuse_it_without_a_cache_of_users(
    client: AsyncClient, tenants: Tenants, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As with USER_CACHE_SECONDS=0."""
    key = bearer((await make(await tenants.create()))["key"])
    monkeypatch.setattr(users, "_cached", RowCache(10, ttl=0))
    answer = await client.get("/api/v1/users/me", headers=key)
    assert reason(answer) == (403, "user_required")


router = APIRouter()


@router.get("/probe/header")
async def by_header(scope: HeaderOrganization) -> str:
    return scope.slug


@router.get("/probe/both")
async def for_both(scope: HeaderOrganization, user: CurrentUser) -> str:
    return f"{scope.slug} {user.id}"


@router.get("/probe/closed")
async def closed(scope: HeaderOrganization) -> str:
    return scope.slug


@pytest.fixture
def _probes(running_app: FastAPI) -> Iterator[None]:
    before, scopes = list(running_app.router.routes), running_app.state.scopes
    running_app.include_router(router)
    running_app.state.scopes = scopes | dict.fromkeys((by_header, for_both), "organizations:read")
    yield
    running_app.router.routes[:] = before
    running_app.state.scopes = scopes


@pytest.mark.usefixtures("_probes")
@pytest.mark.parametrize(
    ("path", "code"),
    [("header", None), ("both", "user_required"), ("closed", "scoped_token_refused")],
)
async def test_a_route_takes_it_if_the_organization_is_all_that_it_needs(
    client: AsyncClient, tenants: Tenants, path: str, code: str | None
) -> None:
    acme = await tenants.create()
    headers = bearer((await make(acme))["key"]) | {HEADER: acme.slug}
    answer = await client.get(f"/probe/{path}", headers=headers)
    assert (answer.json() == acme.slug) if code is None else (reason(answer) == (403, code))


async def test_a_key_has_only_its_scopes_and_networks(tenants: Tenants) -> None:
    acme = await tenants.create()
    without = machine(await make(acme, scopes=["users:read"]))
    assert reason(await acme.ask(without, "GET")) == (403, "scope_required")
    elsewhere = machine(await make(acme, networks=["10.0.0.0/8"]))
    assert reason(await acme.ask(elsewhere, "GET")) == (403, "api_key_address_refused")


async def test_no_key_manages_keys_or_members(tenants: Tenants) -> None:
    acme = await tenants.create()
    made = await make(acme)
    key, one = machine(made), f"{KEYS}/{made['id']}"
    for method, path in (
        ("GET", KEYS),
        ("POST", KEYS),
        ("POST", f"{one}/rotate"),
        ("POST", f"{one}/revoke"),
        ("GET", "/invitations"),
        ("GET", "/export"),
    ):
        assert (await acme.ask(key, method, path, {})).status_code == 403, path


async def test_only_admins_manage_keys(tenants: Tenants) -> None:
    acme, other = await tenants.create("Acme", "admin", "member"), await tenants.create("Other")
    key = await make(acme)
    one = f"{KEYS}/{key['id']}"
    requests = [
        ("GET", KEYS, None),
        ("POST", KEYS, NEW),
        ("POST", f"{one}/rotate", {}),
        ("POST", f"{one}/revoke", None),
    ]
    for method, path, body in requests:
        assert reason(await acme.ask("member", method, path, body)) == (403, "role_required")
        stranger = await acme.ask(other.people["owner"], method, path, body)
        assert reason(stranger) == (404, "organization_not_found")
    for method, path, body in requests[2:]:
        assert reason(await other.ask("owner", method, path, body)) == (404, "api_key_not_found")
    (listed,) = (await acme.ask("admin", "GET", KEYS)).json()["items"]
    assert listed["id"] == key["id"]
    assert listed["attributes"] == {
        "organization": acme.slug,
        "created_by": str(acme.people["owner"].id),
    }
    assert "key" not in listed
    assert (await other.ask("owner", "GET", KEYS)).json()["items"] == []


async def test_the_export_has_the_keys_without_their_hashes(tenants: Tenants) -> None:
    acme, other = await tenants.create("Acme"), await tenants.create("Other")
    key, _ = await make(acme), await make(other)
    (exported,) = (await acme.ask("owner", "GET", "/export")).json()["api_keys"]
    assert (exported["id"], exported["scopes"]) == (key["id"], key["scopes"])
    assert "secret_hash" not in exported


async def test_an_admin_rotates_and_revokes(
    tenants: Tenants, caplog: pytest.LogCaptureFixture
) -> None:
    acme = await tenants.create("Acme", "admin")
    old = await make(acme)
    answer = await acme.ask("admin", "POST", f"{KEYS}/{old['id']}/rotate", {"overlap_hours": 1})
    new = answer.json()
    for key in (old, new):
        assert (await acme.ask(machine(key), "GET")).status_code == 200
    # Whoever rotates a key has seen the new one.
    made_by = {"created_by": str(acme.people["admin"].id)}
    assert new["attributes"] == old["attributes"] | made_by
    await acme.ask("admin", "POST", f"{KEYS}/{new['id']}/revoke")
    assert reason(await acme.ask(machine(new), "GET")) == (401, "api_key_revoked")
    (line,) = [each for each in rendered(caplog) if "api_key_revoked" in each]
    assert str(acme.people["admin"].id) in line  # who did it
    assert str(service.machine_of(acme.id)) in line


async def test_a_key_does_not_depend_on_its_creator(tenants: Tenants) -> None:
    acme = await tenants.create("Acme", "admin")
    admin = acme.people["admin"]
    made = await make(acme, "admin")
    await acme.ask("owner", "PATCH", f"/members/{admin.id}", {"role": "member"})
    one = f"{KEYS}/{made['id']}"
    for method, path, body in (
        ("GET", KEYS, None),
        ("POST", KEYS, NEW),
        ("POST", f"{one}/rotate", {}),
        ("POST", f"{one}/revoke", None),
    ):
        assert reason(await acme.ask(admin, method, path, body)) == (403, "role_required")
    assert (await acme.ask(machine(made), "GET")).status_code == 200
    await acme.ask("owner", "DELETE", f"/members/{admin.id}")
    assert reason(await acme.ask(admin, "GET", KEYS)) == (404, "organization_not_found")
    assert (await acme.ask(machine(made), "GET")).status_code == 200


async def test_removing_the_member_stops_all_keys_until_the_next_is_made(tenants: Tenants) -> None:
    acme = await tenants.create()
    key = machine(await make(acme))
    path = f"/members/{service.machine_of(acme.id)}"
    assert (await acme.ask("owner", "PATCH", path, {"role": "admin"})).status_code == 204
    assert (await acme.ask(key, "GET")).json()["role"] == "admin"
    assert (await acme.ask("owner", "DELETE", path)).status_code == 204
    assert (await acme.ask(key, "GET")).status_code == 404
    assert (await acme.ask(machine(await make(acme)), "GET")).json()["role"] == "member"


async def test_a_machine_is_never_the_last_owner(tenants: Tenants) -> None:
    acme = await tenants.create()
    await make(acme)
    machine_id = str(service.machine_of(acme.id))
    await acme.ask("owner", "PATCH", f"/members/{machine_id}", {"role": "owner"})
    assert reason(await acme.ask("owner", "POST", "/leave")) == (409, "last_owner")
    answer = await acme.ask("owner", "POST", "/transfer", {"user_id": machine_id})
    assert reason(answer) == (409, "last_owner")


async def test_a_key_ends_with_the_organization(
    tenants: Tenants, client: AsyncClient, session: AsyncSession
) -> None:
    acme = await tenants.create()
    made = await make(acme)
    key = machine(made)
    await acme.ask("owner", "DELETE")
    assert reason(await acme.ask(key, "GET")) == (404, "organization_not_found")
    assert (await acme.ask("owner", "POST", KEYS, NEW)).status_code == 404
    await acme.ask("owner", "POST", "/restore")
    assert (await acme.ask(key, "GET")).status_code == 200
    await acme.ask("owner", "DELETE")
    earlier = update(Organization).where(col(Organization.id) == acme.id)
    await session.exec(earlier.values(deleted_at=utcnow() - timedelta(days=31)))
    await session.commit()
    await purge_one.function(session, organization_id=acme.id)
    assert (await session.exec(select(ApiKey).where(ApiKey.id == UUID(made["id"])))).all() == []
    assert await session.get(User, service.machine_of(acme.id)) is None
    assert reason(await acme.ask(key, "GET")) == (401, "invalid_api_key")


async def test_a_personal_organization_has_no_keys(client: AsyncClient, tenants: Tenants) -> None:
    owner = (await tenants.create()).people["owner"]
    personal = (await client.post(f"{PATH}/personal", headers=owner.headers)).json()
    mine = Tenant(UUID(personal["id"]), personal["slug"], client, {"owner": owner})
    assert reason(await mine.ask("owner", "POST", KEYS, NEW)) == (409, "personal_organization")


async def test_no_key_is_made_for_a_deleted_organization(
    tenants: Tenants, session: AsyncSession
) -> None:
    acme = await tenants.create()
    await acme.ask("owner", "DELETE")
    values = ApiKeyCreate.model_validate(NEW)
    with pytest.raises(ConflictError) as refused:
        await service.create_as_operator(session, acme.slug, values)
    assert refused.value.code == "organization_deleted"
    await session.rollback()
    # A request that was admitted before the deletion.
    scope = Scope(acme.id, acme.slug, "Acme", acme.people["owner"].id, "owner")
    with pytest.raises(NotFoundError) as closed:
        await service.create(session, scope, values, address="127.0.0.1")
    assert closed.value.code == "organization_not_found"
    await session.rollback()
    made = select(ApiKey).where(ApiKey.owner_id == service.machine_of(acme.id))
    assert (await session.exec(made)).all() == []
    await acme.ask("owner", "POST", "/restore")
    key, _ = await service.create_as_operator(session, acme.slug, values)
    assert key.owner_id == service.machine_of(acme.id)


async def test_a_session_that_has_ended_makes_no_key(
    tenants: Tenants, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def ended(*_: object) -> None:
        return None

    monkeypatch.setattr("app.extensions.users.deps.user_of_token", ended)
    answer = await (await tenants.create()).ask("owner", "POST", KEYS, NEW)
    assert reason(answer) == (401, "session_ended")


async def test_a_request_costs_no_more_statements_than_one_with_a_token(
    tenants: Tenants,
    statements: Statements,  # noqa: F811
) -> None:
    acme = await tenants.create()
    key = machine(await make(acme))
    counts = []
    for person in (key, acme.people["owner"]):
        await acme.ask(person, "GET")
        async with statements() as found:
            assert (await acme.ask(person, "GET")).status_code == 200
        counts.append(len(found))
    assert counts[0] == counts[1] > 0
    verification._keys.clear()
    async with statements() as found:
        assert (await acme.ask(key, "GET")).status_code == 200
    assert len(found) == counts[1] + 1


async def test_a_machine_is_no_user_of_auth(tenants: Tenants, session: AsyncSession) -> None:
    acme = await tenants.create()
    await make(acme)
    scope = await in_task(session, acme.id, service.machine_of(acme.id))
    assert scope.role == "member"
    in_auth = {service.machine_of(acme.id): None, acme.people["owner"].id: None}
    await session.run_sync(lambda s: update_rows(s, in_auth))  # type: ignore[arg-type]
    row = await session.get_one(User, service.machine_of(acme.id))
    assert (row.machine, row.deleted_at, row.status) == (True, None, Status.APPROVED)


def test_an_operator_creates_and_lists_keys(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", database_url)
    load_settings.cache_clear()
    engine = sync_engine(database_url, get_settings())
    slug = f"acme-{uuid4().hex[:8]}"

    def run(*arguments: str) -> str:
        return CliRunner().invoke(cli, arguments, catch_exceptions=False).stdout

    options = ("--name", "CI", "--scope", "organizations:read")
    with Session(engine) as own:
        own.add(Organization(slug=slug, name="Acme"))
        own.commit()
        text = run("create", slug, *options).strip()
        key = own.exec(select(ApiKey).where(ApiKey.name == "CI")).one()
        assert text.startswith(key.start)
        assert str(key.id) in run("list", slug)
        assert own.get(User, key.owner_id)
        with pytest.raises(NotFoundError):
            run("create", "unknown", *options)
        with pytest.raises(CliError, match="name: "):
            run("create", slug, "--name", "", "--scope", "organizations:read")
        own.exec(delete(Member))
        own.exec(delete(User).where(col(User.machine)))
        own.exec(delete(Organization).where(col(Organization.slug) == slug))
        own.commit()
    engine.dispose()
    monkeypatch.undo()
    load_settings.cache_clear()
