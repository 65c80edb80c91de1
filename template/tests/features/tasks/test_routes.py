"""`/tasks` over HTTP; `tests/core/test_worker.py` has a task that is run."""

from uuid import uuid4

import pytest
from httpx import AsyncClient

from app.core.tasks import enqueue
from app.features.items.tasks import complete_all
from tests.people import SignIn

PATH = "/api/v1/tasks"


async def test_a_task_is_its_owners_alone(client: AsyncClient, sign_in: SignIn) -> None:
    owner, other = await sign_in(), await sign_in()
    task_id = await enqueue(complete_all, owner=owner.id, owner_id=str(owner.id))
    mine = await client.get(f"{PATH}/{task_id}", headers=owner.headers)
    assert mine.json() == {"id": task_id, "state": "pending", "result": None}
    theirs = await client.get(f"{PATH}/{task_id}", headers=other.headers)
    assert (theirs.status_code, theirs.json()["code"]) == (404, "task_not_found")


async def test_a_task_without_an_owner_is_nobodys(client: AsyncClient, sign_in: SignIn) -> None:
    person = await sign_in()
    task_id = await enqueue(complete_all, owner_id=str(person.id))
    assert (await client.get(f"{PATH}/{task_id}", headers=person.headers)).status_code == 404


@pytest.mark.parametrize(("task_id", "status"), [("x", 422), (str(uuid4()), 404)])
async def test_an_unknown_task_is_not_there(
    client: AsyncClient, sign_in: SignIn, task_id: str, status: int
) -> None:
    person = await sign_in()
    assert (await client.get(f"{PATH}/{task_id}", headers=person.headers)).status_code == status
