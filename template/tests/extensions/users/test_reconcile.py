"""The nightly comparison with Auth, over HTTP and into a database."""

import asyncio
from collections.abc import Iterator
from dataclasses import asdict
from datetime import timedelta
from uuid import UUID, uuid4

import psycopg
import pytest
from httpx import AsyncClient
from sqlmodel import Session, delete, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.database import forget_process_engine, sync_session
from app.core.database.models import utcnow
from app.core.errors import UnavailableError
from app.core.settings import load_settings
from app.core.supabase import auth as supabase_auth
from app.core.tasks import send
from app.core.tasks.models import TaskRecord
from app.extensions.users import reconcile as module
from app.extensions.users import tasks
from app.extensions.users.models import Role, Status, User
from devstack.supabase import LocalSupabase
from tests.support.processes import Process, eventually

LIST = "/auth/v1/admin/users"


@pytest.fixture
def rows(
    database_url: str, supabase: LocalSupabase, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Session]:
    """A session on a database of this module, which the task uses, too.

    Auth has only three other users, who fill several pages.
    """
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setattr(supabase.auth.store, "users", {})
    for _ in range(3):
        supabase.user(f"{uuid4().hex}@example.com")
    monkeypatch.setattr(supabase_auth, "PAGE", 2)
    load_settings.cache_clear()
    forget_process_engine()
    with sync_session() as session:
        session.exec(delete(User))
        session.commit()
        yield session
    forget_process_engine()
    load_settings.cache_clear()


def add(rows: Session, supabase: LocalSupabase, *, role: Role = Role.USER) -> User:
    """Add a user to the database and to Auth."""
    email = f"{uuid4().hex}@example.com"
    user = User(id=UUID(supabase.user(email).id), email=email, role=role, status=Status.APPROVED)
    rows.add(user)
    rows.commit()
    return user


async def reconcile() -> dict[str, int]:
    """Run the task as a worker's child does: in a thread without an event loop."""
    return asdict(await asyncio.to_thread(tasks.reconcile.function))


def state(rows: Session) -> dict[UUID, tuple[str | None, bool, bool]]:
    """Return address, banned and deleted of every user."""
    rows.rollback()
    rows.expire_all()
    return {
        user.id: (user.email, user.banned_until is not None, user.deleted_at is not None)
        for user in rows.exec(select(User))
    }


async def test_changes_in_auth_are_applied_once(rows: Session, supabase: LocalSupabase) -> None:
    users = {name: add(rows, supabase) for name in ("same", "moved", "banned", "gone")}
    ids = {name: user.id for name, user in users.items()}
    in_auth = {name: supabase.auth.store.users[str(user_id)] for name, user_id in ids.items()}
    supabase.auth.update_user(in_auth["moved"], {"email": f"New.{uuid4().hex}@example.com"})
    supabase.auth.update_user(in_auth["banned"], {"ban_duration": "1h"})
    supabase.auth.delete_user(in_auth["gone"])

    first = await reconcile()

    assert first == {"users": 4, "addresses": 1, "bans": 1, "deletions": 1, "admins": 0}
    expected = {
        ids["same"]: (in_auth["same"].email, False, False),
        ids["moved"]: (in_auth["moved"].email, False, False),
        ids["banned"]: (in_auth["banned"].email, True, False),
        ids["gone"]: (in_auth["gone"].email, False, True),
    }
    assert state(rows) == expected
    again = await reconcile()
    assert (again["addresses"], again["bans"], again["deletions"]) == (0, 0, 0)
    assert state(rows) == expected
    # A ban that is lifted in Auth is lifted here.
    supabase.auth.update_user(in_auth["banned"], {"ban_duration": "none"})
    assert (await reconcile())["bans"] == 1
    assert not any(banned for _, banned, _ in state(rows).values())


def reported(rows: Session) -> list[str]:
    """The users of the tasks that the reconciliation has enqueued."""
    found = select(TaskRecord).where(TaskRecord.name == tasks.report_excluded.name)
    return sorted(record.arguments["user_id"] for record in rows.exec(found))


async def test_features_hear_once_of_a_user_who_is_banned_or_deleted(
    rows: Session, supabase: LocalSupabase
) -> None:
    ids = {name: add(rows, supabase).id for name in ("same", "banned", "gone")}
    in_auth = {name: supabase.auth.store.users[str(user_id)] for name, user_id in ids.items()}
    rows.exec(delete(TaskRecord))
    rows.commit()
    supabase.auth.update_user(in_auth["banned"], {"ban_duration": "1h"})
    supabase.auth.delete_user(in_auth["gone"])
    await reconcile()
    assert reported(rows) == sorted(str(ids[name]) for name in ("banned", "gone"))
    # A longer ban excludes nobody again.
    supabase.auth.update_user(in_auth["banned"], {"ban_duration": "2h"})
    assert (await reconcile())["bans"] == 1
    rows.rollback()
    assert len(reported(rows)) == 2


async def test_a_user_missing_between_two_pages_is_not_deleted(
    rows: Session, supabase: LocalSupabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = add(rows, supabase)
    listed = supabase_auth.list_users

    async def without(*arguments: object) -> object:
        async for each in listed(*arguments):  # type: ignore[arg-type]
            if each.id != user.id:
                yield each

    monkeypatch.setattr(module, "list_users", without)
    assert (await reconcile())["deletions"] == 0


@pytest.mark.parametrize("status", [500, 403, 404, 200])
@pytest.mark.parametrize("path", ["list", "user"])
async def test_an_outage_changes_no_user(
    rows: Session, supabase: LocalSupabase, status: int, path: str
) -> None:
    gone, moved = add(rows, supabase), add(rows, supabase)
    user_id, before = gone.id, state(rows)
    supabase.auth.delete_user(supabase.auth.store.users[str(user_id)])
    in_auth = supabase.auth.store.users[str(moved.id)]
    supabase.auth.update_user(in_auth, {"email": f"{uuid4().hex}@example.com"})
    supabase.traffic.fail(LIST if path == "list" else f"{LIST}/{user_id}", status)
    try:
        with pytest.raises(UnavailableError):
            await reconcile()
    finally:
        supabase.traffic.heal()
    assert state(rows) == before


async def test_an_outage_on_a_later_page_changes_no_user(
    rows: Session, supabase: LocalSupabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    oldest = add(rows, supabase)
    supabase.auth.delete_user(supabase.auth.store.users[str(oldest.id)])
    before = state(rows)
    failure = supabase.traffic.failure

    def later(path: str) -> object:
        if path == LIST and supabase.traffic.calls[LIST] == calls + 2:
            supabase.traffic.fail(LIST, 500, times=1)
        return failure(path)

    calls = supabase.traffic.calls[LIST]
    add(rows, supabase), add(rows, supabase), add(rows, supabase)
    before = state(rows)
    monkeypatch.setattr(supabase.traffic, "failure", later)
    with pytest.raises(UnavailableError):
        await reconcile()
    assert state(rows) == before


async def test_a_missing_admin_is_logged(
    rows: Session, supabase: LocalSupabase, caplog: pytest.LogCaptureFixture
) -> None:
    admin = add(rows, supabase, role=Role.ADMIN)
    add(rows, supabase)
    assert (await reconcile())["admins"] == 1
    assert "no_admin_left" not in caplog.text
    in_auth = supabase.auth.store.users[str(admin.id)]
    supabase.auth.update_user(in_auth, {"ban_duration": "1h"})
    assert (await reconcile())["admins"] == 0
    assert "no_admin_left" in caplog.text


async def test_a_worker_runs_the_task(
    committed: AsyncClient, committed_url: str, supabase: LocalSupabase, worker: Process
) -> None:
    email = f"{uuid4().hex}@example.com"
    user = supabase.user(email)
    headers = {"Authorization": f"Bearer {supabase.issue_token(email)}"}
    assert (await committed.get("/api/v1/users/me", headers=headers)).status_code == 200
    supabase.auth.delete_user(user)
    # Beat sends this task.
    send(tasks.start_reconcile.s())

    async def done() -> bool:
        with psycopg.connect(committed_url) as connection:
            query = "SELECT deleted_at IS NOT NULL FROM app.users WHERE email = %s"
            row = connection.execute(query, (email,)).fetchone()
        return row == (True,)

    await eventually(done, worker)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"banned_until": timedelta(hours=1)}, "account_banned"),
        ({"banned_until": timedelta(hours=-1)}, None),
        ({"deleted_at": timedelta()}, "account_deleted"),
    ],
)
async def test_a_banned_or_deleted_user_is_refused(
    client: AsyncClient,
    supabase: LocalSupabase,
    session: AsyncSession,
    changes: dict[str, timedelta],
    code: str | None,
) -> None:
    email = f"{uuid4().hex}@example.com"
    user = User(id=UUID(supabase.user(email).id), email=email, status=Status.APPROVED)
    for name, when in changes.items():
        setattr(user, name, utcnow() + when)
    session.add(user)
    await session.commit()
    headers = {"Authorization": f"Bearer {supabase.issue_token(email)}"}
    answer = await client.get("/api/v1/users/me", headers=headers)
    assert answer.json().get("code") == code
