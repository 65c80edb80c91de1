"""The tasks of items, run by a real worker."""

from uuid import uuid4

from httpx import AsyncClient

from devstack.supabase import LocalSupabase
from tests.support.processes import Process, eventually

PATH = "/api/v1/items"


async def test_a_worker_marks_all_items_of_the_owner_as_done(
    committed: AsyncClient, supabase: LocalSupabase, worker: Process
) -> None:
    def headers() -> dict[str, str]:
        token = supabase.issue_token(f"{uuid4().hex}@example.com")
        return {"Authorization": f"Bearer {token}"}

    owner, other = headers(), headers()
    for person, title in ((owner, "a"), (owner, "b"), (other, "c")):
        await committed.post(PATH, json={"title": title}, headers=person)

    accepted = await committed.post(f"{PATH}/complete-all", headers=owner)
    assert accepted.status_code == 202
    task = f"/api/v1/tasks/{accepted.json()['task_id']}"

    async def ended() -> bool:
        state: str = (await committed.get(task, headers=owner)).json()["state"]
        return state not in ("pending", "started")

    await eventually(ended, worker)
    answer = (await committed.get(task, headers=owner)).json()
    assert (answer["state"], answer["result"]) == ("success", 2)
    assert (await committed.get(task, headers=other)).status_code == 404
    for person, done in ((owner, [True, True]), (other, [False])):
        page = (await committed.get(PATH, headers=person)).json()
        assert [item["done"] for item in page["items"]] == done
