"""Events: each handler runs once, in the transaction of the event."""

import asyncio
from collections.abc import Awaitable, Callable
from uuid import UUID, uuid4

import pytest
from fastapi import FastAPI
from httpx import AsyncClient
from sqlmodel import col, func, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core import events
from app.core.features import Feature, installed
from app.core.tasks.models import TaskRecord, TaskState
from app.extensions.users import service
from app.extensions.users.models import User
from devstack.supabase import LocalSupabase

ME = "/api/v1/users/me"
WELCOME = "welcome"

Listen = Callable[[Callable[..., Awaitable[None]]], None]


@pytest.fixture
def listen(monkeypatch: pytest.MonkeyPatch) -> Listen:
    """Register a handler for new users, as if a feature's `events.py` named it."""

    def listen(handler: Callable[..., Awaitable[None]]) -> None:
        feature: Feature = installed()[0]
        offered = ((feature, {"users.created": handler}), (feature, {"users.other": handler}))
        monkeypatch.setattr(events, "load", lambda _: offered)

    # Otherwise the process caches the user after the first request.
    monkeypatch.setattr(service, "get_cached", lambda *_: None)
    return listen


async def welcome(session: AsyncSession, *, user_id: UUID) -> None:
    """A handler that adds a row in the same transaction."""
    session.add(TaskRecord(name=WELCOME, arguments={}, owner_id=user_id, state=TaskState.SUCCESS))


async def count(app: FastAPI, user_id: str) -> tuple[int, int]:
    """Return the number of rows and of welcomes of a user."""
    async with app.state.database.session() as session:
        users = select(func.count()).select_from(User).where(col(User.id) == UUID(user_id))
        welcomes = select(func.count()).where(
            col(TaskRecord.owner_id) == UUID(user_id), col(TaskRecord.name) == WELCOME
        )
        return (await session.exec(users)).one(), (await session.exec(welcomes)).one()


async def test_fifty_concurrent_first_requests_emit_one_event(
    committed: AsyncClient, running_app: FastAPI, supabase: LocalSupabase, listen: Listen
) -> None:
    listen(welcome)
    email = f"{uuid4().hex}@example.com"
    user_id = supabase.user(email).id
    headers = {"Authorization": f"Bearer {supabase.issue_token(email)}"}
    answers = await asyncio.gather(*(committed.get(ME, headers=headers) for _ in range(50)))
    assert {answer.status_code for answer in answers} == {200}
    assert await count(running_app, user_id) == (1, 1)


async def test_a_failing_handler_undoes_the_event(
    committed: AsyncClient, running_app: FastAPI, supabase: LocalSupabase, listen: Listen
) -> None:
    async def broken(session: AsyncSession, *, user_id: UUID) -> None:
        await welcome(session, user_id=user_id)
        await session.flush()
        raise RuntimeError("no welcome today")

    email = f"{uuid4().hex}@example.com"
    user_id = supabase.user(email).id
    headers = {"Authorization": f"Bearer {supabase.issue_token(email)}"}
    listen(broken)
    answers = await asyncio.gather(*(committed.get(ME, headers=headers) for _ in range(5)))
    assert {answer.status_code for answer in answers} == {500}
    assert await count(running_app, user_id) == (0, 0)
    listen(welcome)
    assert (await committed.get(ME, headers=headers)).status_code == 200
    assert await count(running_app, user_id) == (1, 1)
