"""`/tasks` over HTTP, without a worker; features have tests of tasks that are run."""

import pytest
from httpx import AsyncClient

from app.core.maintenance import heartbeat
from app.core.tasks import RESULT_EXPIRES, celery, enqueue, store
from tests.people import SignIn

PATH = "/api/v1/tasks"
NOBODYS = "0193a0f1-3a2b-7c4d-8e5f-000000000000"


async def test_a_task_is_its_owners_alone(client: AsyncClient, sign_in: SignIn) -> None:
    owner, other = await sign_in(), await sign_in()
    task_id = await enqueue(heartbeat, owner=owner.id)
    mine = await client.get(f"{PATH}/{task_id}", headers=owner.headers)
    assert mine.json() == {"id": task_id, "state": "pending", "result": None}
    theirs = await client.get(f"{PATH}/{task_id}", headers=other.headers)
    assert (theirs.status_code, theirs.json()["code"]) == (404, "task_not_found")


async def test_a_task_without_an_owner_is_nobodys(client: AsyncClient, sign_in: SignIn) -> None:
    person = await sign_in()
    task_id = await enqueue(heartbeat)
    assert (await client.get(f"{PATH}/{task_id}", headers=person.headers)).status_code == 404


@pytest.mark.parametrize(("task_id", "status"), [("x", 422), (NOBODYS, 404)])
async def test_an_unknown_task_is_not_there(
    client: AsyncClient, sign_in: SignIn, task_id: str, status: int
) -> None:
    person = await sign_in()
    assert (await client.get(f"{PATH}/{task_id}", headers=person.headers)).status_code == status


@pytest.mark.parametrize(
    ("stored", "shown", "result"),
    [
        ("STARTED", "started", None),
        ("RETRY", "retry", None),
        ("REVOKED", "revoked", None),
        ("SUCCESS", "success", {"n": 1}),
        # A state of a task's own: `update_state(state="HALFWAY")`.
        ("HALFWAY", "started", None),
    ],
)
async def test_where_a_task_stands(
    client: AsyncClient, sign_in: SignIn, stored: str, shown: str, result: object
) -> None:
    person = await sign_in()
    task_id = await enqueue(heartbeat, owner=person.id)
    value = {"n": 1} if stored in ("SUCCESS", "HALFWAY") else None
    celery.backend.store_result(task_id, value, stored)
    answer = await client.get(f"{PATH}/{task_id}", headers=person.headers)
    assert answer.json() == {"id": task_id, "state": shown, "result": result}


async def test_why_a_task_failed_is_not_told(client: AsyncClient, sign_in: SignIn) -> None:
    person = await sign_in()
    task_id = await enqueue(heartbeat, owner=person.id)
    celery.backend.mark_as_failure(task_id, ValueError("hunter2"), traceback="in secrets.py")
    answer = await client.get(f"{PATH}/{task_id}", headers=person.headers)
    assert answer.json() == {"id": task_id, "state": "failure", "result": None}


async def test_who_started_a_task_is_forgotten_with_its_result(sign_in: SignIn) -> None:
    person = await sign_in()
    task_id = await enqueue(heartbeat, owner=person.id)
    lifetime = store().client.ttl(f"task-owner-{task_id}")
    assert 0 < lifetime <= RESULT_EXPIRES
