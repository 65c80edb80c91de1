"""Beat, commands, and processes whose receiver is missing or refuses."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from devstack.ports import free_port
from tests.extensions.tracing.conftest import api
from tests.extensions.tracing.sink import Sink
from tests.support.processes import PROJECT, eventually, running


async def test_beat_begins_a_trace_for_each_task_and_none_for_upkeep(
    environment: dict[str, str], sink: Sink, tmp_path: Path
) -> None:
    with running(
        *("celery", "-A", "tests.extensions.tracing.probe_worker", "beat", "--pidfile="),
        "--scheduler=app.core.tasks.beat:FileScheduler",
        f"--schedule={tmp_path / 'schedule'}",
        stop=signal.SIGTERM,
        **environment,
        TRACING_ENDPOINT=sink.url,
    ) as beat:

        async def arrived() -> bool:
            return len(sink.spans) > 2

        await eventually(arrived, beat)
    assert {(span.name, span.parent_id) for span in sink.spans} == {("create probe.second", "")}
    assert len({span.trace_id for span in sink.spans}) == len(sink.spans)
    assert {span.resource["app.process"] for span in sink.spans} == {"beat"}


def command(*arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "app", *arguments],
        cwd=PROJECT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
    )


def test_a_command_is_a_trace_with_its_sql(environment: dict[str, str], sink: Sink) -> None:
    result = command("db", "current", **environment, TRACING_ENDPOINT=sink.url)
    assert result.returncode == 0, result.stderr
    (root,) = [span for span in sink.spans if not span.parent_id]
    assert (root.name, root.resource["app.process"]) == ("app db", "command")
    assert "SELECT" in {span.name for span in sink.trace(root.trace_id)}


@pytest.mark.parametrize(("rate", "recorded"), [("0", False), ("1", True)])
async def test_the_rate_counts_for_new_traces_and_the_caller_for_others(
    environment: dict[str, str], sink: Sink, rate: str, recorded: bool
) -> None:
    settings = {**environment, "TRACING_ENDPOINT": sink.url, "TRACING_RATE": rate}
    ids = {"01": "a" * 32, "00": "b" * 32}
    async with api(**settings) as (client, _):
        new = await client.get("/probe/broken?q=1")
        for flag, trace_id in ids.items():
            headers = {"traceparent": f"00-{trace_id}-{'c' * 16}-{flag}"}
            await client.get("/probe/broken?q=1", headers=headers)
    # The log has an id in any case.
    assert bool(sink.trace(new.json()["trace_id"])) is recorded
    assert sink.trace(ids["01"])
    assert not sink.trace(ids["00"])


@pytest.mark.parametrize("refusing", [False, True])
async def test_requests_are_answered_without_a_receiver_and_the_process_ends(
    environment: dict[str, str], sink: Sink, refusing: bool
) -> None:
    sink.status = 503
    url = sink.url if refusing else f"http://127.0.0.1:{free_port()}"
    async with api(**environment, TRACING_ENDPOINT=url, LOG_FORMAT="json") as (client, process):
        assert (await client.get("/probe/broken?q=1")).status_code == 500
        process.process.terminate()
        process.process.wait(timeout=15)
        # One line, and not one for each attempt.
        assert process.said().count('"logger": "opentelemetry.exporter') == 1
