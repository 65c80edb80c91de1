"""`/tasks` over HTTP, without a worker."""

import json
from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

import pytest
from fastapi import APIRouter, FastAPI
from httpx import AsyncClient
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.database import DatabaseSession
from app.core.http.schemas import TaskAccepted
from app.core.tasks import enqueue
from app.core.tasks.models import TaskRecord, TaskState
from app.core.tasks.tasks import heartbeat
from app.extensions.tasks import service
from app.extensions.users.deps import CurrentUser
from app.extensions.users.models import Role
from tests.support.people import Person, SignIn

PATH = "/api/v1/tasks"
UNKNOWN = "0193a0f1-3a2b-7c4d-8e5f-000000000000"

router = APIRouter()


@router.post("/probe/heartbeat")
async def order(_: CurrentUser, session: DatabaseSession) -> TaskAccepted:
    """Enqueue a task, as routes of features do."""
    task_id = enqueue(session, heartbeat.s())
    await session.commit()
    return TaskAccepted(task_id=task_id)


@pytest.fixture
def probe(running_app: FastAPI) -> Iterator[None]:
    before = list(running_app.router.routes)
    running_app.include_router(router)
    yield
    running_app.router.routes[:] = before


async def enqueued(
    session: AsyncSession, owner: Person | None = None, **values: object
) -> TaskRecord:
    """A task in the database."""
    task_id = enqueue(session, heartbeat.s(), owner=owner.id if owner else None)
    record = await session.get_one(TaskRecord, task_id)
    record.sqlmodel_update(values)
    await session.commit()
    return record


async def test_the_owner_and_admins_see_a_task(
    client: AsyncClient, sign_in: SignIn, session: AsyncSession
) -> None:
    owner, other, admin = await sign_in(), await sign_in(), await sign_in(role=Role.ADMIN)
    task = f"{PATH}/{(await enqueued(session, owner)).id}"
    mine = (await client.get(task, headers=owner.headers)).json()
    assert (mine["state"], mine["name"]) == ("pending", "core.heartbeat")
    assert (await client.get(task, headers=admin.headers)).json() == mine
    for method, path in (("GET", task), ("GET", f"{task}/events"), ("POST", f"{task}/cancel")):
        theirs = await client.request(method, path, headers=other.headers)
        assert (theirs.status_code, theirs.json()["code"]) == (404, "task_not_found")


async def test_a_missing_user_opens_no_task(session: AsyncSession) -> None:
    nobody: Any = None
    for task in (await enqueued(session), await enqueued(session, Person(uuid4(), "", {}))):
        with pytest.raises(AssertionError):
            await service.get_task(session, nobody, task.id)
        with pytest.raises(AssertionError):
            await service.cancel_task(session, nobody, task.id)
        assert task.state is TaskState.PENDING


async def test_only_admins_see_a_task_without_an_owner(
    client: AsyncClient, sign_in: SignIn, session: AsyncSession
) -> None:
    person, admin = await sign_in(), await sign_in(role=Role.ADMIN)
    task = f"{PATH}/{(await enqueued(session)).id}"
    assert (await client.get(task, headers=person.headers)).status_code == 404
    assert (await client.get(task, headers=admin.headers)).status_code == 200


@pytest.mark.parametrize(("task_id", "status"), [("x", 422), (UNKNOWN, 404)])
async def test_an_unknown_task_is_not_found(
    client: AsyncClient, sign_in: SignIn, task_id: str, status: int
) -> None:
    person = await sign_in()
    assert (await client.get(f"{PATH}/{task_id}", headers=person.headers)).status_code == status


async def test_only_operators_see_the_error_of_a_task(
    client: AsyncClient, sign_in: SignIn, session: AsyncSession
) -> None:
    person = await sign_in()
    record = await enqueued(
        session, person, state=TaskState.FAILURE, error="ValueError: hunter2", reason="No ink."
    )
    answer = await client.get(f"{PATH}/{record.id}", headers=person.headers)
    assert (answer.json()["state"], answer.json()["reason"]) == ("failure", "No ink.")
    assert "hunter2" not in answer.text


async def test_a_list_holds_ones_own_and_for_admins_all(
    client: AsyncClient, sign_in: SignIn, session: AsyncSession
) -> None:
    owner, admin = await sign_in(), await sign_in(role=Role.ADMIN)
    ids = [str((await enqueued(session, owner)).id) for _ in range(3)]
    failed = str((await enqueued(session, owner, state=TaskState.FAILURE)).id)
    theirs = str((await enqueued(session)).id)

    async def listed(person: Person, query: str = "") -> list[str]:
        found: list[str] = []
        cursor = ""
        while True:
            page = (
                await client.get(f"{PATH}?limit=2{query}{cursor}", headers=person.headers)
            ).json()
            found += [task["id"] for task in page["items"]]
            if page["next_cursor"] is None:
                return found
            cursor = f"&cursor={page['next_cursor']}"

    assert await listed(owner) == [failed, *reversed(ids)]
    assert await listed(owner, "&state=failure") == [failed]
    assert await listed(admin) == []
    assert {theirs, failed, *ids} <= set(await listed(admin, "&everybody=true"))
    refused = await client.get(f"{PATH}?everybody=true", headers=owner.headers)
    assert (refused.status_code, refused.json()["code"]) == (403, "role_required")


async def test_a_waiting_task_is_cancelled_at_once(
    client: AsyncClient, sign_in: SignIn, session: AsyncSession
) -> None:
    person = await sign_in()
    task = f"{PATH}/{(await enqueued(session, person)).id}/cancel"
    assert (await client.post(task, headers=person.headers)).json()["state"] == "revoked"
    again = await client.post(task, headers=person.headers)
    assert (again.status_code, again.json()["code"]) == (409, "task_ended")


async def test_a_running_task_is_marked_for_cancelling(
    client: AsyncClient, sign_in: SignIn, session: AsyncSession
) -> None:
    person = await sign_in()
    record = await enqueued(session, person, state=TaskState.STARTED)
    answer = await client.post(f"{PATH}/{record.id}/cancel", headers=person.headers)
    assert (answer.json()["state"], answer.json()["cancel_requested"]) == ("started", True)


async def test_admins_retry_a_failed_task(
    client: AsyncClient, sign_in: SignIn, session: AsyncSession
) -> None:
    person, admin = await sign_in(), await sign_in(role=Role.ADMIN)
    record = await enqueued(session, person, state=TaskState.FAILURE, attempts=5)
    task = f"{PATH}/{record.id}/retry"
    assert (await client.post(task, headers=person.headers)).status_code == 403
    assert (await client.post(task, headers=admin.headers)).json()["state"] == "pending"
    await session.refresh(record)
    assert record.attempts == 0
    again = await client.post(task, headers=admin.headers)
    assert (again.status_code, again.json()["code"]) == (409, "task_not_failed")
    unknown = await client.post(f"{PATH}/{UNKNOWN}/retry", headers=admin.headers)
    assert unknown.status_code == 404


async def test_the_events_of_an_ended_task_are_one(
    client: AsyncClient, sign_in: SignIn, session: AsyncSession
) -> None:
    person = await sign_in()
    record = await enqueued(session, person, state=TaskState.SUCCESS, result={"n": 1})
    answer = await client.get(f"{PATH}/{record.id}/events", headers=person.headers)
    assert answer.headers["content-type"].startswith("text/event-stream")
    (line,) = [line for line in answer.text.splitlines() if line.startswith("data:")]
    told = json.loads(line.removeprefix("data:"))
    assert (told["id"], told["state"], told["result"]) == (str(record.id), "success", {"n": 1})


async def test_the_signed_in_user_owns_a_task_of_the_request(
    client: AsyncClient, probe: None, sign_in: SignIn
) -> None:
    person = await sign_in()
    accepted = await client.post("/probe/heartbeat", headers=person.headers)
    task = f"{PATH}/{UUID(accepted.json()['task_id'])}"
    assert (await client.get(task, headers=person.headers)).json()["state"] == "pending"
