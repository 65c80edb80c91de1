"""Who may read the metrics, and a process that does not measure."""

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from httpx import AsyncClient
from redis import Redis
from starlette.types import Scope

from app.core.cli.errors import CliError
from app.core.redis import redis_key, store
from app.core.settings import check_settings, load_settings
from app.extensions.metrics import recorder as module
from app.extensions.metrics.checks import reporting
from app.extensions.metrics.middleware import Middleware
from app.extensions.metrics.recorder import PROCESSES, TASKS, TOTALS, Recorder, Writer, recorder
from app.extensions.metrics.settings import MetricsSettings
from app.extensions.metrics.task_runs import outcome

TOKEN = "a-token-of-24-characters"
PATH = "/api/v1/metrics"


@pytest.fixture
def token(monkeypatch: pytest.MonkeyPatch, fresh_settings: None) -> Iterator[str]:
    monkeypatch.setenv("METRICS_TOKEN", TOKEN)
    load_settings.cache_clear()
    yield TOKEN
    store().delete(redis_key(TOTALS), redis_key(PROCESSES))


async def test_the_token_opens_the_metrics(client: AsyncClient, token: str) -> None:
    for headers in ({}, {"authorization": "Bearer wrong"}, {"authorization": token}):
        answer = await client.get(PATH, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")
    for scheme in ("bearer ", "Bearer  ", "Bearer "):
        answer = await client.get(PATH, headers={"authorization": f"{scheme}{token}"})
        assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=")
    assert "app_outbox_waiting 0.0" in answer.text


async def test_processes_that_were_killed_are_forgotten(client: AsyncClient, token: str) -> None:
    Writer("api", lambda: (1, 5))._write(ended=False)
    dead = json.dumps({"at": time.time() - 60, "kind": "worker", "used": 1, "size": 2})
    store().hset(redis_key(PROCESSES), "dead", dead)
    answer = await client.get(PATH, headers={"authorization": f"Bearer {token}"})
    assert 'app_processes{kind="api"} 1.0' in answer.text
    assert 'app_processes{kind="worker"} 0.0' in answer.text
    assert not store().hexists(redis_key(PROCESSES), "dead")


async def test_without_a_token_there_are_none(client: AsyncClient) -> None:
    answer = await client.get(PATH)
    assert (answer.status_code, answer.json()["code"]) == (404, "metrics_off")


async def test_without_a_token_nothing_is_measured() -> None:
    called = []

    async def app(scope: Scope, *_: object) -> None:
        called.append(scope)

    async def nothing(*_: object) -> Any:
        pass

    recorder.take()
    await Middleware(app)({"type": "http", "method": "GET"}, nothing, nothing)
    assert len(called) == 1
    assert recorder.take() == {}


def test_a_short_token_is_refused(monkeypatch: pytest.MonkeyPatch, fresh_settings: None) -> None:
    monkeypatch.setenv("METRICS_TOKEN", "short")
    ((variable, problem),) = check_settings(MetricsSettings)
    assert variable == "METRICS_TOKEN"
    assert problem.startswith("is wrong: Text should have at least 24 characters, not 5.")


def test_the_check_counts_processes(token: str) -> None:
    store().delete(redis_key(PROCESSES))
    with pytest.raises(CliError, match="no process reports"):
        reporting()
    writer = Writer("api", lambda: (1, 5))
    writer._write(ended=False)
    assert reporting() == "1 api"
    writer._write(ended=True)
    with pytest.raises(CliError):
        reporting()


def test_numbers_wait_while_redis_is_down(token: str, monkeypatch: pytest.MonkeyPatch) -> None:
    recorder.take()
    recorder.observe(TASKS, ("x", "success"), 0.02)
    writer = Writer("api", lambda: (0, 0))
    with monkeypatch.context() as patch:
        patch.setattr(module, "store", lambda: Redis(port=1))
        writer._write(ended=False)
    store().delete(redis_key(TOTALS))
    writer._write(ended=True)
    written: dict[str, str] = store().hgetall(redis_key(TOTALS))  # type: ignore[assignment]
    assert sorted(written.values()) == ["0.02", "1"]


def test_a_recorder_starts_again_after_it_was_read() -> None:
    own = Recorder()
    own.observe(TASKS, ("x", "success"), 0.02)
    numbers = own.take()
    assert sorted(numbers.values()) == [0.02, 1]
    assert own.take() == {}
    own.give_back(numbers)
    assert own.take() == numbers


def test_a_run_without_a_claim_is_skipped() -> None:
    assert outcome("SUCCESS", None) == "success"
    assert outcome("IGNORED", None) == "skipped"
