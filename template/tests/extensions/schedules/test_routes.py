"""`/schedules` over HTTP."""

import pytest
from httpx import AsyncClient

from app.extensions.users.models import Role
from tests.extensions.schedules.conftest import Start
from tests.support.people import SignIn

PATH = "/api/v1/schedules"
MINE = {"name": "mine", "task": "core.heartbeat", "every": 3600}


async def test_an_admin_adds_changes_and_removes_a_schedule(
    client: AsyncClient, sign_in: SignIn, start_beat: Start
) -> None:
    start_beat({"core.a": 60})
    headers = (await sign_in(role=Role.ADMIN)).headers
    added = await client.post(PATH, json=MINE, headers=headers)
    assert added.status_code == 201, added.text
    assert added.json() | {"next_run_at": ""} == MINE | {
        "crontab": None,
        "arguments": {},
        "enabled": True,
        "origin": "runtime",
        "next_run_at": "",
    }
    again = await client.post(PATH, json=MINE, headers=headers)
    assert (again.status_code, again.json()["code"]) == (409, "schedule_exists")

    paused = await client.post(f"{PATH}/core.a/pause", headers=headers)
    assert paused.json()["enabled"] is False
    names = [each["name"] for each in (await client.get(PATH, headers=headers)).json()]
    assert names == ["core.a", "mine"]
    resumed = await client.post(f"{PATH}/core.a/resume", headers=headers)
    assert resumed.json()["enabled"] is True

    assert (await client.delete(f"{PATH}/mine", headers=headers)).status_code == 204
    gone = await client.delete(f"{PATH}/mine", headers=headers)
    assert (gone.status_code, gone.json()["code"]) == (404, "schedule_not_found")
    kept = await client.delete(f"{PATH}/core.a", headers=headers)
    assert (kept.status_code, kept.json()["code"]) == (409, "schedule_of_the_code")


async def test_a_paused_schedule_can_be_run_now(
    client: AsyncClient, sign_in: SignIn, start_beat: Start
) -> None:
    start_beat({"core.a": 60})
    headers = (await sign_in(role=Role.ADMIN)).headers
    await client.post(f"{PATH}/core.a/pause", headers=headers)
    answer = await client.post(f"{PATH}/core.a/run-now", headers=headers)
    assert answer.status_code == 202, answer.text
    task = await client.get(f"/api/v1/tasks/{answer.json()['task_id']}", headers=headers)
    assert (task.json()["name"], task.json()["state"]) == ("core.heartbeat", "pending")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (MINE | {"task": "no.such"}, "unknown_task"),
        (MINE | {"arguments": {"x": 1}}, "wrong_arguments"),
        (MINE | {"every": None, "crontab": "0 25 * * *"}, None),
        (MINE | {"every": 0}, None),
    ],
)
async def test_a_schedule_that_cannot_work_is_a_problem(
    client: AsyncClient, sign_in: SignIn, start_beat: Start, body: dict[str, object], code: str
) -> None:
    headers = (await sign_in(role=Role.ADMIN)).headers
    answer = await client.post(PATH, json=body, headers=headers)
    assert answer.status_code == 422, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    if code:
        assert answer.json()["code"] == code


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", PATH),
        ("POST", PATH),
        ("POST", f"{PATH}/core.a/pause"),
        ("POST", f"{PATH}/core.a/resume"),
        ("POST", f"{PATH}/core.a/run-now"),
        ("DELETE", f"{PATH}/core.a"),
    ],
)
async def test_only_admins_get_in(
    client: AsyncClient, sign_in: SignIn, method: str, path: str
) -> None:
    assert (await client.request(method, path)).status_code == 401
    user = await sign_in()
    answer = await client.request(method, path, headers=user.headers, json=MINE)
    assert (answer.status_code, answer.json()["code"]) == (403, "role_required")
