"""The project as a whole: its server, a user, a worker and the schema work together."""

from collections.abc import AsyncIterator, Iterator
from uuid import uuid4

import httpx
import pytest
from httpx import AsyncClient
from sqlalchemy import Engine
from sqlmodel import Session

from app.core.database import sync_engine
from app.core.migrations.commands import drift
from app.core.migrations.exposure import exposed
from app.core.settings import get_settings
from app.core.tasks import enqueue
from app.core.tasks.models import TaskRecord
from app.core.tasks.tasks import heartbeat
from devstack.ports import free_port
from devstack.supabase import LocalSupabase
from tests.support import databases
from tests.support.processes import Process, eventually, running


@pytest.fixture(scope="module")
async def api(committed_url: str, worker: Process) -> AsyncIterator[AsyncClient]:
    """A client of the API, which uvicorn serves on a port. The worker starts at the same time."""
    port = free_port()
    with running("uvicorn", "app.main:app", f"--port={port}", DATABASE_URL=committed_url) as server:
        async with AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:

            async def answers() -> bool:
                try:
                    return (await client.get("/health/live")).is_success
                except httpx.TransportError:
                    return False

            await eventually(answers, server)
            yield client


@pytest.fixture
def committed_engine(committed_url: str) -> Iterator[Engine]:
    """An engine on the database of the API and the worker."""
    engine = sync_engine(committed_url, get_settings())
    yield engine
    engine.dispose()


async def test_every_part_is_ready(api: AsyncClient) -> None:
    assert (await api.get("/health/live")).json() == {"status": "ok"}
    ready = (await api.get("/health/ready")).json()
    assert {name: part["ok"] for name, part in ready["checks"].items()} == {
        "database": True,
        "migrations": True,
        "redis": True,
    }


async def test_a_user_signs_in_and_is_served(api: AsyncClient, supabase: LocalSupabase) -> None:
    user = {"email": f"{uuid4().hex}@example.com", "password": "correct horse battery"}
    headers = {"apikey": supabase.publishable_key}
    async with AsyncClient(base_url=f"{supabase.url}/auth/v1", headers=headers) as auth:
        (await auth.post("/signup", json=user)).raise_for_status()
        signed_in = await auth.post("/token", params={"grant_type": "password"}, json=user)
    token = signed_in.json()["access_token"]

    path = f"{get_settings().api_prefix}/users/me"
    me = await api.get(path, headers={"Authorization": f"Bearer {token}"})
    assert (me.status_code, me.json()["email"]) == (200, user["email"])
    assert (await api.get(path)).status_code == 401


async def test_a_worker_runs_a_task(worker: Process, committed_engine: Engine) -> None:
    with Session(committed_engine) as session:
        task_id = enqueue(session, heartbeat.s())
        session.commit()

    async def has_ended() -> bool:
        with Session(committed_engine) as session:
            return session.get_one(TaskRecord, task_id).ended_at is not None

    await eventually(has_ended, worker)
    with Session(committed_engine) as session:
        assert session.get_one(TaskRecord, task_id).state == "success"


@pytest.mark.skipif(databases.has_other_migrations(), reason="the tables of a later release")
def test_models_and_database_agree() -> None:
    assert drift() == []
    settings = get_settings()
    engine = sync_engine(settings.database_url, settings)
    with engine.connect() as connection:
        assert exposed(connection) == []
    engine.dispose()
