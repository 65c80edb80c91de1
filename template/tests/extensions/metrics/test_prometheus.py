"""A real Prometheus reads the metrics, and computes every rule and every panel."""

import json
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import redis
from httpx import AsyncClient, TransportError, codes

from devstack.ports import free_port
from tests.extensions.metrics.conftest import HEADERS, PATH, TOKEN, api, worker
from tests.support.processes import PROJECT, SECONDS, eventually

MONITORING = PROJECT / "monitoring"
CONFIGURATION = """
global: {{scrape_interval: 1s, evaluation_interval: 1s}}
rule_files: ["{rules}"]
scrape_configs:
  - job_name: backend
    metrics_path: {path}
    authorization: {{credentials: {token}}}
    static_configs: [{{targets: ["{target}"]}}]
"""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        shutil.which("prometheus") is None,
        reason="needs Prometheus: `apt-get install prometheus` brings it",
    ),
]


def panels() -> Iterator[Any]:
    for path in (MONITORING / "dashboards").glob("*.json"):
        yield from json.loads(path.read_text())["panels"]


async def test_every_rule_and_every_panel_has_a_value(
    environment: dict[str, str], tmp_path: Path
) -> None:
    queries = {target["expr"] for panel in panels() for target in panel["targets"]}
    assert len(queries) > 20
    with redis.Redis.from_url(environment["REDIS_URL"]) as client:
        client.set("app:heartbeat", time.time())
    missing: list[str] = []  # the query without a series, for the message of a failed test
    async with api(**environment) as (backend, process):
        config = CONFIGURATION.format(
            rules=MONITORING / "rules.yml",
            path=PATH,
            token=TOKEN,
            target=f"{backend.base_url.host}:{backend.base_url.port}",
        )
        (tmp_path / "prometheus.yml").write_text(config)
        address = f"127.0.0.1:{free_port()}"
        program = subprocess.Popen(
            [
                *("prometheus", f"--config.file={tmp_path / 'prometheus.yml'}"),
                *(f"--storage.tsdb.path={tmp_path / 'data'}", f"--web.listen-address={address}"),
            ],
            stderr=subprocess.DEVNULL,
        )
        try:
            with worker(**environment) as working:
                async with AsyncClient(base_url=f"http://{address}/api/v1") as prometheus:

                    async def all_have_values() -> bool:
                        await backend.get("/probe/broken")
                        await backend.post(f"/probe/tasks/{uuid4()}")
                        for query in queries:
                            text = re.sub(r"\$__rate_interval", "15s", query)
                            try:
                                answer = await prometheus.get("/query", params={"query": text})
                            except TransportError:
                                return False
                            if answer.status_code == codes.SERVICE_UNAVAILABLE:  # it starts
                                return False
                            assert answer.status_code == 200, answer.text
                            if not answer.json()["data"]["result"]:
                                missing[:] = [query]
                                return False
                        return True

                    try:
                        await eventually(all_have_values, process, working, seconds=3 * SECONDS)
                    except AssertionError as error:
                        raise AssertionError(f"no series: {missing}") from error
                    groups = (await prometheus.get("/rules")).json()["data"]["groups"]
            rules = [rule for group in groups for rule in group["rules"]]
            assert len(rules) > 10
            assert {rule["health"] for rule in rules} == {"ok"}
        finally:
            program.send_signal(signal.SIGTERM)
            program.wait()


def test_the_configuration_of_compose_is_valid(tmp_path: Path) -> None:
    """In the container, two files have other paths."""
    text = (MONITORING / "prometheus.yml").read_text()
    (tmp_path / "token").write_text(TOKEN)
    text = text.replace("/run/secrets/metrics_token", str(tmp_path / "token"))
    text = text.replace("/etc/prometheus/rules.yml", str(MONITORING / "rules.yml"))
    (tmp_path / "prometheus.yml").write_text(text)
    command = ["promtool", "check", "config", str(tmp_path / "prometheus.yml")]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "1 rule files found" in result.stdout


def test_the_rules_are_valid() -> None:
    command = ["promtool", "check", "rules", str(MONITORING / "rules.yml")]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


async def test_the_metrics_follow_the_conventions(environment: dict[str, str]) -> None:
    async with api(**environment) as (backend, _):
        text = (await backend.get(PATH, headers=HEADERS)).text
    result = subprocess.run(
        ["promtool", "check", "metrics"], input=text, capture_output=True, text=True
    )
    assert (result.stderr, result.returncode) == ("", 0)
