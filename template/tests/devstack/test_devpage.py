"""The development page: what a real API and a real worker record, and what nobody may see."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from devstack.devpage.recorder import privacy
from devstack.devpage.schedules import listed
from devstack.ports import listen, port_of
from tests.support.canaries import canaries, told
from tests.support.people import SignIn
from tests.support.processes import PROJECT, Process, eventually, own_redis, running, serving

KEY = "the-key-of-the-records"
CANARY = "c4nary-Zq81Lw0pXv77Ty"
# In no header that identifies somebody, so each place must hide it by itself.
OTHER_CANARY = "other-c4nary-9Kd3Rt"
SHORT_CANARY = "c4n-7r"
LARGEST_BODY = 1024
FEATURES = "tests.devstack.probe,devstack.devpage.recorder"


@dataclass
class Page:
    """The page as a process, which a test may stop and start again on the same port."""

    socket: Any = field(default_factory=lambda: listen(0))
    process: Process | None = None
    _stack: ExitStack = field(default_factory=ExitStack)

    def __post_init__(self) -> None:
        self.socket.set_inheritable(True)
        self.client = httpx.Client(
            base_url=f"http://127.0.0.1:{port_of(self.socket)}", trust_env=False, timeout=10
        )

    def start(self) -> None:
        """Start the process."""
        options = ("--fd", str(self.socket.fileno()), "--api-url", "http://127.0.0.1:8000")
        self.process = self._stack.enter_context(
            running("devstack.devpage", *options, DEV_PAGE_KEY=KEY, DEV_SLOW_MS="400")
        )

    def stop(self) -> None:
        """Stop it; the port stays open, so that clients would wait for ever."""
        self._stack.close()

    def get(self, path: str) -> Any:
        """Return the JSON at a path."""
        return self.client.get(path).raise_for_status().json()

    def said(self) -> str:
        """What it wrote into the terminal."""
        assert self.process
        return self.process.said()

    async def request(self, answer: httpx.Response, *, tasks: int = 0) -> dict[str, Any]:
        """Return the recorded request of an answer, as soon as it and its tasks have ended."""
        found: dict[str, Any] = {}

        async def has_ended() -> bool:
            response = self.client.get(f"/data/requests/{answer.headers['x-request-id']}")
            found.clear()
            if response.status_code == 200:
                found.update(response.json())
            ended = [each for each in found.get("followed", []) if each["ms"] is not None]
            return "status" in found and len(ended) == tasks and kinds(found, "log") != []

        await eventually(has_ended)
        return found


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    page = Page()
    page.start()
    yield page
    page.stop()
    page.client.close()
    page.socket.close()


@pytest.fixture(scope="module")
def environment(page: Page, database_url: str) -> dict[str, str]:
    return {
        "DATABASE_URL": database_url,
        "REDIS_URL": own_redis(11),
        "EXTRA_FEATURES": FEATURES,
        "DEV_PAGE_PORT": str(port_of(page.socket)),
        "DEV_PAGE_KEY": KEY,
        "MAX_BODY_BYTES": str(LARGEST_BODY),
    }


@pytest.fixture(scope="module")
async def api(environment: dict[str, str]) -> AsyncIterator[httpx.AsyncClient]:
    async with serving("app.main:app", **environment) as (client, _):
        yield client


@pytest.fixture(scope="module")
def worker(environment: dict[str, str]) -> Iterator[Process]:
    command = ("app", "worker", "--concurrency=1")
    with running(*command, stop=signal.SIGTERM, **environment) as worker:
        yield worker


def kinds(details: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return [item for item in details.get("items", ()) if item["kind"] == kind]


async def test_a_repeated_statement_is_marked(api: httpx.AsyncClient, page: Page) -> None:
    request = await page.request(await api.get("/api/v1/probe/many?times=6"))
    assert (request["method"], request["path"], request["query"], request["status"]) == (
        *("GET", "/api/v1/probe/many", "times=6"),
        200,
    )
    statements = kinds(request, "sql")
    reads = [each for each in statements if "AS number" in each["sql"]]
    assert [(each["times"], each["rows"], each["parameters"]) for each in reads] == [
        (6, 1, {"$1": str(n)}) for n in range(6)
    ]
    assert all(0 < each["ms"] < 10_000 for each in reads)
    # The session's own statement, by SQLAlchemy.
    assert [each["times"] for each in statements if each["sql"] == "SELECT 'written'"] == [1]
    assert (request["sql"], request["repeated"]) == (7, 6)
    assert request["function"].endswith("probe.routes.many")
    line = next(line for line in page.said().splitlines() if "/probe/many" in line)
    assert "N+1 (one statement 6 times)" in line
    assert line.endswith(f"{page.client.base_url}/requests/{request['request_id']}")


async def test_the_target_is_recorded_as_it_was_sent(api: httpx.AsyncClient, page: Page) -> None:
    target = "/api/v1/nowhere/a%2Fb?q=a%26b&q=%2F"
    request = await page.request(await api.get(target))
    assert request["target"] == target
    assert (request["path"], request["query"]) == ("/api/v1/nowhere/a/b", "q=a&b&q=/")


async def test_a_task_is_below_its_request(
    api: httpx.AsyncClient, page: Page, worker: Process
) -> None:
    answer = await api.post("/api/v1/probe/tasks")
    request = await page.request(answer, tasks=1)
    assert worker.lives()
    # The recorder itself causes none.
    assert [each["sql"].split()[0] for each in kinds(request, "sql")] == ["INSERT", "COMMIT"]
    (event,) = kinds(request, "event")
    assert event["name"] == "probe.asked"
    assert event["facts"] == {"number": "7", "password": privacy.HIDDEN}
    (task,) = request["followed"]
    assert (task["name"], task["state"], task["attempts"]) == ("probe.look", "success", 1)
    (run,) = task["runs"]
    assert run["process"].startswith("worker ")
    reads = [each for each in kinds(run, "sql") if "AS integer" in each["sql"]]
    assert [each["times"] for each in reads] == [5] * 5
    assert page.get(f"/data/tasks/{task['id']}")["origin"]["request_id"] == request["request_id"]
    assert f"probe.look: N+1 (one statement 5 times)  {page.client.base_url}/tasks/" in page.said()


async def test_a_task_that_fails_has_its_exception(
    api: httpx.AsyncClient, page: Page, worker: Process
) -> None:
    assert worker.lives()
    request = await page.request(await api.post("/api/v1/probe/tasks?fail=true"), tasks=1)
    (task,) = request["followed"]
    assert (task["state"], task["error"]) == ("failure", "TaskError")
    (error,) = kinds(task["runs"][0], "error")
    assert error["message"] == "It was asked to fail."


async def test_an_exception_has_its_place(api: httpx.AsyncClient, page: Page) -> None:
    answer = await api.get("/api/v1/probe/crash")
    assert answer.status_code == 500
    request = await page.request(answer)
    (error,) = kinds(request, "error")
    assert error["type"] == "KeyError"
    frame = error["frames"][-1]
    assert (frame["function"], frame["line"]) == ("crash", 'amounts["missing"] += 1')
    assert "routes.py:" in frame["place"]
    warning = next(each for each in kinds(request, "log") if each["level"] == "warning")
    assert (warning["text"], warning["fields"]) == ("probe_will_crash", {"amount": "3"})
    # The answer leads to the page, by the end of its id as well.
    assert answer.json()["page"].startswith(f"{page.client.base_url}/requests/")
    short = answer.json()["page"].rpartition("/")[2]
    assert page.get(f"/data/requests/{short}")["id"] == request["id"]


async def test_commands_of_redis_are_shown_without_values(
    api: httpx.AsyncClient, page: Page
) -> None:
    request = await page.request(await api.get("/api/v1/probe/redis"))
    commands = [each["command"] for each in kinds(request, "redis")]
    assert [each for each in commands if "probe" in each] == ["SET app:probe", "GET app:probe"]


async def test_a_line_that_is_no_valid_unicode_is_shown(api: httpx.AsyncClient, page: Page) -> None:
    request = await page.request(await api.get("/api/v1/probe/odd"))
    (line,) = [each for each in kinds(request, "log") if "odd" in each["text"]]
    assert (line["text"], line["fields"]["path"]) == ("probe_is_odd \ufffd", "/tmp/\ufffd")
    assert page.get("/data")["requests"]


@pytest.mark.parametrize(
    ("request_parts", "code"),
    [
        ({"url": "/api/v1/probe/redis", "headers": {"Host": "evil.example"}}, "unknown_host"),
        ({"url": "/api/v1/probe/redis", "params": {"q": "\0"}}, "nul_character"),
        (
            {"method": "POST", "url": "/api/v1/probe/tasks", "content": bytes(LARGEST_BODY + 1)},
            "content_too_large",
        ),
    ],
    ids=["host", "nul", "size"],
)
async def test_requests_that_are_refused_early_are_shown(
    api: httpx.AsyncClient, page: Page, request_parts: dict[str, Any], code: str
) -> None:
    answer = await api.request(**{"method": "GET", **request_parts})
    assert answer.json()["code"] == code
    request = await page.request(answer)
    assert request["status"] == answer.status_code
    assert request["path"] == request_parts["url"]
    assert answer.json()["page"].endswith(request["request_id"][-8:])


async def test_no_secret_is_kept(api: httpx.AsyncClient, page: Page, sign_in: SignIn) -> None:
    person = await sign_in()
    token = person.headers["Authorization"].removeprefix("Bearer ")
    answer = await api.post(
        f"/api/v1/probe/secrets/{CANARY}x1y2?token={CANARY}&next={CANARY}abc",
        headers={
            "Authorization": f"Bearer {token}",
            "Cookie": f"session={CANARY}; theme=dark",
            "X-Canary": OTHER_CANARY,
            "X-Short-Canary": SHORT_CANARY,
        },
        json={"password": CANARY},
    )
    assert answer.status_code == 422  # the last statement failed with the canary in its message
    request = await page.request(answer)
    statements = kinds(request, "sql")
    assert [bool(each["error"]) for each in statements if each["ms"]] == [False, False, True]
    assert len([each for each in kinds(request, "log") if "probe" in each["text"]]) == 3
    kept = f"{request} {page.get('/data')} {page.said()}"
    assert told(kept, CANARY, OTHER_CANARY, SHORT_CANARY, token, *canaries()) == []
    assert token.split(".")[2] not in kept


async def test_the_page_is_for_this_machine_and_this_stack(page: Page) -> None:
    client = page.client
    assert client.get("/").status_code == 200
    for path in ("/", "/data", "/records"):
        assert client.get(path, headers={"host": "evil.example.com"}).status_code == 400
    assert client.post("/records", json=[]).status_code == 403
    for wrong in (b"wrong", "fälsch".encode("latin-1")):
        headers = {b"X-Devpage-Key": wrong}
        assert client.post("/records", json=[], headers=headers).status_code == 403
    # A page of another site cannot send this header.
    assert client.delete("/data").status_code == 403
    assert client.post("/data/schedules/core.heartbeat/run").status_code == 403
    policy = client.get("/").headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'")
    html = client.get("/").text
    assert "onclick" not in html
    assert "//" not in html


async def test_it_knows_routes_schedules_and_settings(api: httpx.AsyncClient, page: Page) -> None:
    await api.get("/health/live")
    data = page.get("/data")
    assert ["GET", "/api/v1/probe/crash"] in [row[:2] for row in data["routes"]]
    assert {each["name"] for each in data["schedules"]} >= {"core.heartbeat", "core.sweep_tasks"}
    settings = {each["name"]: each for each in data["settings"]}
    assert settings["SECRET_KEY"]["value"] == privacy.HIDDEN
    assert settings["DATABASE_URL"]["source"] == "environment"
    assert told(str(settings), *canaries()) == []


async def test_changes_arrive_live(api: httpx.AsyncClient, page: Page) -> None:
    async with (
        httpx.AsyncClient(base_url=page.client.base_url, trust_env=False) as client,
        client.stream("GET", "/data/live") as stream,
    ):
        lines = stream.aiter_lines()
        assert await anext(lines) == "event: hello"
        await api.get("/api/v1/probe/many?times=1")

        async def shown() -> None:
            async for line in lines:
                if "/api/v1/probe/many" in line and '"status": 200' in line:
                    return

        await asyncio.wait_for(shown(), 10)


async def test_every_tab_reads_everything_again_after_clear(page: Page) -> None:
    async with (
        httpx.AsyncClient(base_url=page.client.base_url, trust_env=False) as client,
        client.stream("GET", "/data/live") as stream,
    ):
        lines = stream.aiter_lines()
        assert await anext(lines) == "event: hello"
        cleared = {"kind": "request", "at": 1.0, "entry": "cleared", "request_id": "id-cleared"}
        await client.post("/records", json=[cleared], headers={"X-Devpage-Key": KEY})
        assert (await client.get("/data/requests/id-cleared")).status_code == 200
        answer = await client.delete("/data", headers={"X-Devpage": "1"})
        assert answer.status_code == 204

        async def is_told() -> None:
            async for line in lines:
                if line == "event: hello":
                    return

        await asyncio.wait_for(is_told(), 10)
        assert (await client.get("/data/requests/id-cleared")).status_code == 404


async def test_requests_do_not_notice_that_the_page_is_down(
    api: httpx.AsyncClient, page: Page
) -> None:
    page.stop()
    started = time.perf_counter()
    for _ in range(20):
        assert (await api.get("/api/v1/probe/many?times=30")).status_code == 200
    assert time.perf_counter() - started < 10
    page.start()

    async def is_recorded() -> bool:
        answer = await api.get("/api/v1/probe/many?times=1")
        await asyncio.sleep(0.2)
        return page.client.get(f"/data/requests/{answer.headers['x-request-id']}").is_success

    await eventually(is_recorded)

    async def knows_the_project() -> bool:
        data = page.get("/data")
        return all(data[name] for name in ("routes", "schedules", "settings"))

    await eventually(knows_the_project)


async def test_two_schedules_of_one_task_have_their_own_times(
    api: httpx.AsyncClient, page: Page, environment: dict[str, str], tmp_path: Path
) -> None:
    assert (await api.get("/health/live")).status_code == 200

    def last() -> dict[str, float | None]:
        schedules = page.get("/data")["schedules"]
        return {each["name"]: each["last"] for each in schedules if each["task"] == "probe.tick"}

    async def are_known() -> bool:
        return last() == {"probe.often": None, "probe.rarely": None}

    await eventually(are_known)
    beat = (
        *("celery", "-A", "app.worker", "beat", "--pidfile="),
        "--scheduler=app.core.tasks.beat:FileScheduler",
        f"--schedule={tmp_path / 'schedule'}",
    )
    with running(*beat, stop=signal.SIGTERM, **environment) as beating:

        async def is_sent() -> bool:
            return last()["probe.often"] is not None

        await eventually(is_sent, beating)
    assert last()["probe.rarely"] is None


def test_the_next_run_of_a_crontab_is_in_its_time_zone() -> None:
    schedule = {"name": "a", "task": "a", "every": None, "crontab": "30 4 * * *"}
    found = {
        zone: listed([{**schedule, "timezone": zone}], {})[0]["next"]
        for zone in ("UTC", "Asia/Kolkata")
    }
    day = 24 * 3600
    assert found["UTC"] % day == 4.5 * 3600
    assert found["Asia/Kolkata"] % day == 23 * 3600  # 04:30 there
    assert all(0 < when - time.time() <= day for when in found.values())


def test_production_refuses_the_recorder_and_does_not_have_it() -> None:
    # As in the image, where this package is missing.
    code = "import sys; sys.modules['devstack'] = None; import app.main"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=PROJECT,
        env={**os.environ, "ENVIRONMENT": "production", "EXTRA_FEATURES": FEATURES},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert "EXTRA_FEATURES" in done.stderr
    assert "only for development" in done.stderr
    image = (PROJECT / "Dockerfile").read_text(encoding="utf-8")
    ignored = (PROJECT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert "devstack" not in image
    assert ignored[1] == "*"
    assert not any("devstack" in line for line in ignored)
