"""Dependencies for the calling user: the first request, approval, second factors."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from uuid import UUID, uuid4

import pytest
from fastapi import Depends, FastAPI
from httpx import AsyncClient
from sqlalchemy import Uuid, literal, text, update
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.auth import dependencies
from app.core.auth.dependencies import Claims
from app.core.database.models import utcnow
from app.core.row_cache import RowCache
from app.extensions.users import deps, service
from app.extensions.users.models import Role, Status, User
from app.extensions.users.settings import Approval, UserSettings
from devstack.supabase import LocalSupabase
from tests.support.people import SignIn

ME = "/api/v1/users/me"


@dataclass(frozen=True)
class Newcomer:
    """A user in Supabase who has made no request to this application."""

    id: UUID
    headers: dict[str, str]


@pytest.fixture
def newcomer(supabase: LocalSupabase) -> Newcomer:
    email = f"{uuid4().hex}@example.com"
    return Newcomer(UUID(supabase.user(email).id), bearer(supabase.issue_token(email)))


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@pytest.fixture
def approval(monkeypatch: pytest.MonkeyPatch) -> Callable[[Approval], None]:
    """Set USER_APPROVAL for the test."""

    def choose(mode: Approval) -> None:
        settings = UserSettings(approval=mode)
        for module in (deps, service):
            monkeypatch.setattr(module, "load_settings", lambda _: settings)

    return choose


async def test_the_first_request_creates_the_row(
    client: AsyncClient, newcomer: Newcomer, session: AsyncSession
) -> None:
    assert await session.get(User, newcomer.id) is None
    answer = await client.get(ME, headers=newcomer.headers)
    assert answer.status_code == 200
    user = await service.get(session, newcomer.id)
    assert (user.role, user.status) == (Role.USER, Status.APPROVED)


async def test_a_changed_address_is_stored(
    client: AsyncClient, supabase: LocalSupabase, sign_in: SignIn
) -> None:
    person = await sign_in()
    await client.get(ME, headers=person.headers)
    token = supabase.issue_token(person.email, claims={"email": "New@Example.com"})
    answer = await client.get(ME, headers=bearer(token))
    assert answer.json()["email"] == "new@example.com"


async def test_metadata_of_a_token_gives_no_rights(
    client: AsyncClient, supabase: LocalSupabase
) -> None:
    claims = {
        "user_metadata": {"role": "admin", "status": "approved"},
        "app_metadata": {"role": "admin"},
    }
    token = supabase.issue_token(f"{uuid4().hex}@example.com", claims=claims)
    answer = await client.get("/api/v1/users", headers=bearer(token))
    assert (answer.status_code, answer.json()["code"]) == (403, "role_required")


@pytest.mark.parametrize("status", [Status.PENDING, Status.REJECTED, Status.SUSPENDED])
async def test_a_refused_user_gets_the_reason(
    client: AsyncClient, sign_in: SignIn, status: Status
) -> None:
    person = await sign_in(status=status)
    answer = await client.get(ME, headers=person.headers)
    assert (answer.status_code, answer.json()["code"]) == (403, f"account_{status}")


async def test_admin_approval_requires_an_admin(
    client: AsyncClient,
    newcomer: Newcomer,
    session: AsyncSession,
    approval: Callable[[Approval], None],
) -> None:
    approval(Approval.ADMIN)
    refused = await client.get(ME, headers=newcomer.headers)
    assert refused.json()["code"] == "account_pending"
    await service.set_status(session, newcomer.id, Status.APPROVED)
    assert (await client.get(ME, headers=newcomer.headers)).status_code == 200


async def test_email_approval_asks_auth_whether_the_address_is_confirmed(
    client: AsyncClient,
    supabase: LocalSupabase,
    session: AsyncSession,
    approval: Callable[[Approval], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    approval(Approval.EMAIL)
    email = f"{uuid4().hex}@example.com"
    auth_user = supabase.auth.create_user(email, confirmed=False)
    session_headers = bearer(str(supabase.auth.start_session(auth_user)["access_token"]))

    refused = await client.get(ME, headers=session_headers)
    assert (refused.status_code, refused.json()["code"]) == (403, "account_pending")

    auth_user.email_confirmed_at = utcnow().isoformat()
    service.evict(UUID(auth_user.id))
    assert (await client.get(ME, headers=session_headers)).status_code == 200


async def test_email_approval_does_not_trust_the_token(
    client: AsyncClient,
    supabase: LocalSupabase,
    session: AsyncSession,
    approval: Callable[[Approval], None],
) -> None:
    approval(Approval.EMAIL)
    auth_user = supabase.auth.create_user(f"{uuid4().hex}@example.com", confirmed=False)
    claims = {"user_metadata": {"email_verified": True}}
    supabase.auth.start_session(auth_user)
    session_id = next(
        each.id for each in supabase.auth.store.sessions.values() if each.user_id == auth_user.id
    )
    claimed = bearer(supabase.auth.access_token(auth_user, session_id, claims=claims))
    assert (await client.get(ME, headers=claimed)).json()["code"] == "account_pending"

    # If Auth does not answer, the user is neither approved nor called pending.
    service.evict(UUID(auth_user.id))
    supabase.traffic.fail("/auth/v1/user", 500)
    try:
        answer = await client.get(ME, headers=claimed)
    finally:
        supabase.traffic.heal()
    assert (answer.status_code, answer.json()["code"]) == (503, "auth_unavailable")
    assert (await service.get(session, UUID(auth_user.id))).status is Status.PENDING


async def test_a_change_by_another_process_is_seen_soon(
    client: AsyncClient,
    sign_in: SignIn,
    session: AsyncSession,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = 0.0
    seconds = UserSettings().cache_seconds
    monkeypatch.setattr(service, "_cached", RowCache(10, ttl=seconds, timer=lambda: now))
    person = await sign_in()
    await client.get(ME, headers=person.headers)
    row = await service.get(session, person.id)
    row.status = Status.SUSPENDED
    await session.commit()

    now = seconds - 0.1
    assert (await client.get(ME, headers=person.headers)).status_code == 200
    now = seconds
    assert (await client.get(ME, headers=person.headers)).json()["code"] == "account_suspended"


async def test_a_route_for_users_and_guests(
    app: FastAPI, client: AsyncClient, sign_in: SignIn
) -> None:
    async def hello(user: deps.OptionalUser) -> str:
        return str(user.id) if user else "guest"

    app.add_api_route("/hello", hello)
    try:
        assert (await client.get("/hello")).json() == "guest"
        person = await sign_in()
        assert (await client.get("/hello", headers=person.headers)).json() == str(person.id)
        # Only a request without a token is a guest; an invalid token is refused.
        for header in ("Bearer x", "Basic YTpi", "Bearer", "x"):
            answer = await client.get("/hello", headers={"Authorization": header})
            assert answer.status_code == 401
            assert answer.headers["www-authenticate"] == "Bearer"
        waiting = await sign_in(status=Status.PENDING)
        assert (await client.get("/hello", headers=waiting.headers)).status_code == 403
    finally:
        app.router.routes.pop()


async def test_a_second_factor_is_required(
    app: FastAPI, client: AsyncClient, sign_in: SignIn
) -> None:
    async def vault() -> dict[str, str]:
        return {"vault": "open"}

    app.add_api_route("/vault", vault, dependencies=[Depends(deps.require_aal2)])
    try:
        once = await sign_in()
        answer = await client.get("/vault", headers=once.headers)
        assert (answer.status_code, answer.json()["code"]) == (403, "aal2_required")
        twice = await sign_in(aal="aal2")
        assert (await client.get("/vault", headers=twice.headers)).json() == {"vault": "open"}
    finally:
        app.router.routes.pop()


@pytest.fixture
async def routes(app: FastAPI) -> AsyncIterator[FastAPI]:
    """The API; routes that a test adds are removed after it."""
    usual = len(app.router.routes)
    yield app
    del app.router.routes[usual:]


@pytest.mark.parametrize(
    ("claims", "code", "opener"),
    [
        ({"is_anonymous": True}, "account_required", "/user_or_anonymous"),
        ({"is_anonymous": "true"}, "account_required", "/user_or_anonymous"),
        ({"client_id": str(uuid4())}, "oauth_client_refused", "/user_or_delegated"),
    ],
)
async def test_anonymous_users_and_clients_need_their_own_dependency(
    routes: FastAPI,
    client: AsyncClient,
    supabase: LocalSupabase,
    claims: dict[str, object],
    code: str,
    opener: str,
) -> None:
    async def optional(_: deps.OptionalUser) -> None: ...
    async def anonymous(_: deps.UserOrAnonymous) -> None: ...
    async def delegated(_: deps.UserOrDelegated) -> None: ...

    routes.add_api_route("/optional_user", optional)
    routes.add_api_route("/user_or_anonymous", anonymous)
    routes.add_api_route("/user_or_delegated", delegated)
    headers = bearer(supabase.issue_token(f"{uuid4().hex}@example.com", claims=claims))
    for path in (ME, "/optional_user", "/user_or_anonymous", "/user_or_delegated"):
        answer = await client.get(path, headers=headers)
        if path == opener:
            assert answer.status_code == 200
        else:
            assert (answer.status_code, answer.json()["code"]) == (403, code)
    # A request without a token is refused.
    assert (await client.get(opener)).status_code == 401


async def test_an_anonymous_user_of_a_client_is_refused(
    routes: FastAPI, client: AsyncClient, supabase: LocalSupabase
) -> None:
    async def who(user: deps.UserOrAnonymous) -> str:
        return str(user.id)

    routes.add_api_route("/who", who)
    claims = {"is_anonymous": True, "client_id": str(uuid4())}
    token = supabase.issue_token(f"{uuid4().hex}@example.com", claims=claims)
    assert (await client.get("/who", headers=bearer(token))).status_code == 403


@pytest.mark.parametrize("end", ["sign out", "ban", "delete"])
async def test_a_live_user_has_a_session_in_auth(
    routes: FastAPI, client: AsyncClient, supabase: LocalSupabase, end: str
) -> None:
    async def pay(user: deps.LiveUser) -> str:
        return str(user.id)

    routes.add_api_route("/pay", pay)
    user = supabase.user(f"{uuid4().hex}@example.com")
    headers = bearer(str(supabase.auth.start_session(user)["access_token"]))
    assert (await client.get("/pay", headers=headers)).json() == user.id
    if end == "sign out":
        supabase.auth.end_sessions(user)
    elif end == "ban":
        supabase.auth.update_user(user, {"ban_duration": "1h"})
    else:
        supabase.auth.delete_user(user)
    # The token itself stays valid for an hour.
    assert (await client.get(ME, headers=headers)).status_code == 200
    answer = await client.get("/pay", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (401, "session_ended")


@pytest.mark.parametrize(
    ("status", "body"),
    [(500, b"{}"), (401, b'{"message": "Invalid API key"}'), (404, b"<html>"), (200, b"<html>")],
)
async def test_an_outage_of_auth_does_not_end_a_session(
    routes: FastAPI, client: AsyncClient, supabase: LocalSupabase, status: int, body: bytes
) -> None:
    async def pay(user: deps.LiveUser) -> str:
        return str(user.id)

    routes.add_api_route("/pay", pay)
    user = supabase.user(f"{uuid4().hex}@example.com")
    headers = bearer(str(supabase.auth.start_session(user)["access_token"]))
    supabase.traffic.fail("/auth/v1/user", status, body=body)
    try:
        answer = await client.get("/pay", headers=headers)
    finally:
        supabase.traffic.heal()
    assert (answer.status_code, answer.json()["code"]) == (503, "auth_unavailable")


async def test_fifty_concurrent_first_requests_create_one_row(
    committed: AsyncClient,
    running_app: FastAPI,
    newcomer: Newcomer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    created: list[bool] = []
    get_or_create = service.get_or_create

    async def counted(*arguments: object) -> tuple[User, bool]:
        user, new = await get_or_create(*arguments)  # type: ignore[arg-type]
        created.append(new)
        return user, new

    monkeypatch.setattr(service, "get_or_create", counted)
    monkeypatch.setattr(service, "get_cached", lambda *_: None)
    answers = await asyncio.gather(
        *(committed.get(ME, headers=newcomer.headers) for _ in range(50))
    )
    assert {answer.status_code for answer in answers} == {200}
    assert (len(created), sum(created)) == (50, 1)
    async with running_app.state.database.session() as session:
        rows = await session.exec(select(User).where(col(User.id) == newcomer.id))
        assert len(rows.all()) == 1


async def test_two_admins_cannot_demote_each_other_at_the_same_time(
    committed: AsyncClient,
    running_app: FastAPI,
    supabase: LocalSupabase,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    emails = [f"{uuid4().hex}@example.com" for _ in range(2)]
    ids = [UUID(supabase.user(email).id) for email in emails]
    headers = [bearer(supabase.issue_token(email)) for email in emails]
    async with running_app.state.database.session() as session:
        await session.exec(update(User).values(role=Role.USER))
        for user_id, email in zip(ids, emails, strict=True):
            session.add(User(id=user_id, email=email, role=Role.ADMIN, status=Status.APPROVED))
        await session.commit()
    for mine in headers:
        # Both are in the cache as admins, so both requests below pass the check of the role.
        await committed.get("/api/v1/users", headers=mine)

    save = service._save

    async def slow_save(session: AsyncSession, user: User) -> User:
        await asyncio.sleep(0.1)
        return await save(session, user)

    # Both requests read the admins before one of them commits.
    monkeypatch.setattr(service, "_save", slow_save)
    answers = await asyncio.gather(
        *(
            committed.put(f"/api/v1/users/{other}/role", json={"role": "user"}, headers=mine)
            for mine, other in zip(headers, reversed(ids), strict=True)
        )
    )

    assert sorted(answer.status_code for answer in answers) == [200, 409]


async def test_a_session_of_a_user_whose_token_is_no_jwt(
    routes: FastAPI, client: AsyncClient, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A feature that issues tokens chooses their form."""
    person = await sign_in()

    async def verify(_: object, token: str) -> Claims | None:
        return Claims(person.id, None, "aal1", None, 0) if token == "opaque" else None

    async def who(session: deps.UserSession) -> str:
        return str(await session.scalar(text("SELECT auth.uid()")))

    routes.add_api_route("/who", who)
    monkeypatch.setattr(dependencies, "load", lambda _: ((None, verify),))
    for headers in (bearer("opaque"), person.headers):
        assert (await client.get("/who", headers=headers)).json() == str(person.id)


async def test_a_feature_reads_the_user_of_its_row_along(
    client: AsyncClient, app: FastAPI, sign_in: SignIn
) -> None:
    """A row of the feature, its user and the cache cost one statement."""
    person = await sign_in()
    own = select(literal(person.id, Uuid).label("caller")).subquery()
    service.evict(person.id)
    (row,) = await app.state.database.reader.rows(service.with_user(select(own), own.c.caller))
    assert row["caller"] == person.id
    service.cache_from(row)
    user = service.get_cached(person.id, person.email)
    assert user
    assert (user.role, user.status, user.email) == (Role.USER, Status.APPROVED, person.email)


async def test_a_user_who_changes_while_the_row_is_read_is_not_cached(
    session: AsyncSession, sign_in: SignIn
) -> None:
    person = await sign_in()
    service.evict(person.id)
    since = service.evictions()
    user = await service.get(session, person.id)
    service.evict(person.id)
    service.cache(user, since)
    assert service.get_cached(person.id, person.email) is None
    service.cache(user, service.evictions())
    assert service.get_cached(person.id, person.email)
