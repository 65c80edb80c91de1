"""How people come in: the first request, approval, second factors."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from uuid import UUID, uuid4

import pytest
from fastapi import Depends, FastAPI
from httpx import ASGITransport, AsyncClient
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.database import Database, async_engine
from app.core.models import utcnow
from app.core.settings import get_settings
from app.features.users import deps, service
from app.features.users.models import Role, Status, User
from app.features.users.settings import Approval, UserSettings
from devstack.supabase import LocalSupabase
from tests.people import SignIn

ME = "/api/v1/users/me"


@dataclass(frozen=True)
class Newcomer:
    """Somebody whom Supabase knows and this application does not."""

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
        monkeypatch.setattr(deps, "load_settings", lambda _: settings)

    return choose


async def test_the_first_request_makes_the_row(
    client: AsyncClient, newcomer: Newcomer, session: AsyncSession
) -> None:
    assert await session.get(User, newcomer.id) is None
    answer = await client.get(ME, headers=newcomer.headers)
    assert answer.status_code == 200
    user = await service.get(session, newcomer.id)
    assert (user.role, user.status) == (Role.USER, Status.APPROVED)


async def test_a_changed_address_is_taken_over(
    client: AsyncClient, supabase: LocalSupabase, sign_in: SignIn
) -> None:
    person = await sign_in()
    await client.get(ME, headers=person.headers)
    token = supabase.issue_token(person.email, claims={"email": "New@Example.com"})
    answer = await client.get(ME, headers=bearer(token))
    assert answer.json()["email"] == "new@example.com"


async def test_what_users_write_about_themselves_gives_no_rights(
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
async def test_who_is_not_let_in_is_told_why(
    client: AsyncClient, sign_in: SignIn, status: Status
) -> None:
    person = await sign_in(status=status)
    answer = await client.get(ME, headers=person.headers)
    assert (answer.status_code, answer.json()["code"]) == (403, f"account_{status}")


async def test_admin_approval_lets_nobody_in_by_itself(
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
    service.forget(UUID(auth_user.id))
    assert (await client.get(ME, headers=session_headers)).status_code == 200


async def test_a_second_factor_is_asked_for(
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
async def committing(
    running_app: FastAPI, database_url: str
) -> AsyncIterator[tuple[AsyncClient, Database]]:
    """A client whose requests commit, each on a connection of its own."""
    settings = get_settings().model_copy(update={"database_url": database_url})
    database = Database(async_engine(settings))
    real = running_app.state.database
    running_app.state.database = database
    transport = ASGITransport(running_app)
    async with AsyncClient(transport=transport, base_url="http://testserver") as client:
        yield client, database
    running_app.state.database = real
    await database.close()


async def test_of_fifty_first_requests_at_once_one_makes_the_row(
    committing: tuple[AsyncClient, Database],
    newcomer: Newcomer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    client, database = committing
    made: list[bool] = []
    enter = service.enter

    async def counted(*arguments: object) -> tuple[User, bool]:
        user, new = await enter(*arguments)  # type: ignore[arg-type]
        made.append(new)
        return user, new

    monkeypatch.setattr(service, "enter", counted)
    monkeypatch.setattr(service, "remembered", lambda *_: None)
    answers = await asyncio.gather(*(client.get(ME, headers=newcomer.headers) for _ in range(50)))
    assert {answer.status_code for answer in answers} == {200}
    assert (len(made), sum(made)) == (50, 1)
    async with database.session() as session:
        rows = await session.exec(select(User).where(col(User.id) == newcomer.id))
        assert len(rows.all()) == 1
