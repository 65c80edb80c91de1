"""A real Flower over HTTP, beside a real worker."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest
import redis

from app.core.settings import get_settings
from devstack.ports import free_port, listen
from devstack.processes.flower import process
from devstack.stack import Stack
from tests.support.canaries import canaries, told
from tests.support.processes import PROJECT, SECONDS, Process, eventually, running

SIGN_IN = ("ada", "correct-horse-battery")

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def flower(worker: Process) -> Iterator[tuple[Process, str]]:
    """The page, and its address."""
    port = free_port()
    with running(
        *("app", "flower", f"--port={port}"),
        FLOWER_USER=SIGN_IN[0],
        FLOWER_PASSWORD=SIGN_IN[1],
    ) as process:
        yield process, f"http://127.0.0.1:{port}"


@pytest.fixture
async def page(flower: tuple[Process, str]) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the page, not signed in."""
    process, url = flower
    async with httpx.AsyncClient(base_url=url, timeout=15) as client:

        async def listens() -> bool:
            try:
                return (await client.get("/healthcheck")).is_success
            except httpx.TransportError:
                return False

        await eventually(listens, process)
        yield client


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/workers",
        "/tasks",
        "/broker",
        "/metrics",
        "/api/workers",
        "/api/tasks",
        "/api/queues/length",
    ],
)
async def test_every_page_requires_the_password(page: httpx.AsyncClient, path: str) -> None:
    name, password = SIGN_IN
    for wrong in (None, (name, "wrong"), (name, ""), ("", password), (name, password.upper())):
        answer = await page.get(path, auth=wrong)
        assert answer.status_code == 401, (wrong, answer.text)
        assert "Celery" not in answer.text
    assert (await page.get(path, auth=SIGN_IN)).status_code == 200


async def test_no_page_shows_a_secret(
    page: httpx.AsyncClient, flower: tuple[Process, str], worker: Process
) -> None:
    """The configuration of a worker, above all, has the address of Redis."""
    shown: dict[str, str] = {}

    async def complete() -> bool:
        refresh = await page.get("/api/workers", params={"refresh": 1}, auth=SIGN_IN)
        for name, details in json.loads(refresh.text or "{}").items():
            shown[name] = json.dumps(details)
            paths = (f"/worker/{name}", "/workers", "/broker", "/tasks", "/metrics", "/api/tasks")
            for path in paths:
                shown[path] = (await page.get(path, auth=SIGN_IN)).text
        return any("broker_url" in text for text in shown.values())

    await eventually(complete, flower[0])
    shown |= {"log of Flower": flower[0].said(), "log of the worker": worker.said()}
    for text in shown.values():
        assert told(text, *canaries(), SIGN_IN[1]) == []


async def test_it_sees_the_worker(page: httpx.AsyncClient, flower: tuple[Process, str]) -> None:
    async def seen() -> bool:
        answer = await page.get("/api/workers", params={"refresh": 1}, auth=SIGN_IN)
        return any(name.startswith("celery@") for name in json.loads(answer.text or "{}"))

    await eventually(seen, flower[0])
    assert "celery@" in (await page.get("/workers", auth=SIGN_IN)).text


@pytest.mark.parametrize(
    "path",
    [
        "/api/worker/shutdown/celery@any",
        "/api/task/revoke/0b6b3d3c",
        "/api/task/async-apply/core.heartbeat",
        "/api/task/send-task/core.heartbeat",
    ],
)
async def test_it_is_read_only(page: httpx.AsyncClient, path: str) -> None:
    assert (await page.post(path, json={})).status_code in (401, 403)
    assert (await page.post(path, json={}, auth=SIGN_IN)).status_code == 403


async def test_it_holds_few_connections(
    page: httpx.AsyncClient, flower: tuple[Process, str]
) -> None:
    answers = await asyncio.gather(
        *(page.get("/api/workers", params={"refresh": 1}, auth=SIGN_IN) for _ in range(3))
    )
    assert {answer.status_code for answer in answers} == {200}

    async def few() -> bool:
        with redis.Redis.from_url(get_settings().redis_url) as client:
            return 1 <= len([c for c in client.client_list() if c["name"] == "flower"]) <= 2

    # One listens for events, and one sends questions.
    await eventually(few, flower[0])


def test_a_port_in_use_is_an_error_message(flower: tuple[Process, str]) -> None:
    port = flower[1].rpartition(":")[2]
    refused = refusal("--port", port)
    assert refused.startswith("Error: ")
    assert f"127.0.0.1:{port}" in refused


def test_a_closed_socket_is_an_error_message() -> None:
    refused = refusal("--fd", "99")
    assert refused.startswith("Error: ")
    assert "socket 99" in refused


def refusal(*options: str) -> str:
    """Return the error output of an `app flower` that does not start."""
    ended = subprocess.run(
        [sys.executable, "-m", "app", "flower", *options],
        cwd=PROJECT,
        env={**os.environ, "FLOWER_PASSWORD": SIGN_IN[1]},
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
    )
    assert ended.returncode == 1
    assert "Traceback" not in ended.stderr
    return ended.stderr


def test_two_stacks_that_start_at_once_use_two_addresses(tmp_path: Path) -> None:
    with listen(0) as listening, ExitStack() as opened:
        stack = Stack(tmp_path, {}, listening)
        found = [process(stack) for _ in range(2)]
        for each in found:
            opened.enter_context(each.sockets[0])
    assert found[0].addresses != found[1].addresses
