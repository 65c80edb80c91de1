"""The tasks of items, run by a real worker."""

from uuid import uuid4

from httpx import AsyncClient

from devstack.supabase import LocalSupabase
from tests.support.processes import Process, eventually

PATH = "/api/v1/organizations"


async def test_a_worker_marks_all_items_of_the_organization_as_done(
    committed: AsyncClient, supabase: LocalSupabase, worker: Process
) -> None:
    async def organization() -> tuple[dict[str, str], str]:
        token = supabase.issue_token(f"{uuid4().hex}@example.com")
        headers = {"Authorization": f"Bearer {token}"}
        made = await committed.post(PATH, json={"name": "Acme"}, headers=headers)
        return headers, f"{PATH}/{made.json()['slug']}/items"

    (owner, path), (other, others) = await organization(), await organization()
    for person, where, title in ((owner, path, "a"), (owner, path, "b"), (other, others, "c")):
        await committed.post(where, json={"title": title}, headers=person)

    accepted = await committed.post(f"{path}/complete-all", headers=owner)
    assert accepted.status_code == 202
    task = f"/api/v1/tasks/{accepted.json()['task_id']}"

    async def ended() -> bool:
        state: str = (await committed.get(task, headers=owner)).json()["state"]
        return state not in ("pending", "started")

    await eventually(ended, worker)
    answer = (await committed.get(task, headers=owner)).json()
    assert (answer["state"], answer["result"]) == ("success", 2)
    for person, where, done in ((owner, path, [True, True]), (other, others, [False])):
        page = (await committed.get(where, headers=person)).json()
        assert [item["done"] for item in page["items"]] == done
