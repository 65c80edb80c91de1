"""What Prometheus reads from two processes of the API and a worker."""

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from httpx import AsyncClient
from prometheus_client.parser import text_string_to_metric_families

from tests.extensions.metrics.conftest import HEADERS, PATH, api, worker
from tests.support.processes import PROJECT, eventually

MONITORING = PROJECT / "monitoring"
DASHBOARDS = sorted((MONITORING / "dashboards").glob("*.json"))

UNFINISHED = """
    SELECT count(*) FROM app.tasks WHERE state IN ('pending', 'started')
    AND NOT (name = 'probe.flaky' AND attempts = 1 AND state = 'pending')
"""


@dataclass
class Story:
    """The metrics, and what was sent."""

    before: dict[tuple[str, frozenset[tuple[str, str]]], float] = field(default_factory=dict)
    text: str = ""

    def value(self, name: str, **labels: str) -> float | None:
        """One number at the end."""
        return numbers(self.text).get((name, frozenset(labels.items())))

    def labels(self, label: str) -> set[str]:
        """All values of a label."""
        return {dict(labels)[label] for _, labels in numbers(self.text) if label in dict(labels)}


def numbers(text: str) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


@pytest.fixture(scope="module")
async def story(environment: dict[str, str]) -> Story:
    story = Story()
    async with api("--workers=2", **environment) as (client, process):

        async def read() -> str:
            return (await client.get(PATH, headers=HEADERS)).text

        for number in range(40):
            # Each has a connection of its own, so that both processes get some.
            async with AsyncClient(base_url=client.base_url) as other:
                await other.get(f"/probe/inner/things/{uuid4()}/parts/{number}")
        for _ in range(3):
            await client.get("/probe/plain")
            await client.get("/probe/broken")
            await client.get(f"/site/rows/{uuid4()}")
            await client.get(f"/probe/conflict/{uuid4()}")
            await client.get(f"/no/such/{uuid4()}")
            await client.request("PROPFIND", "/probe/plain")
        assert (await client.post(f"/probe/tasks/{uuid4()}")).is_success

        async def queued() -> bool:
            return 'app_queue_messages{queue="celery"} 4.0' in await read()

        await eventually(queued, process)
        story.before = numbers(await read())
        with (
            worker(**environment) as working,
            psycopg.connect(environment["DATABASE_URL"], autocommit=True) as connection,
        ):

            async def ended() -> bool:
                return connection.execute(UNFINISHED).fetchone() == (0,)

            await eventually(ended, working, process)

            async def written() -> bool:
                text = await read()
                return 'app_processes{kind="worker"} 1.0' in text and "probe.skip" in text

            await eventually(written, working, process)
            connection.execute(
                "UPDATE app.tasks SET due_at = now() - interval '90 seconds'"
                " WHERE name = 'probe.flaky'"
            )
            story.text = await read()
    return story


def test_requests_of_all_processes_are_counted_by_route(story: Story) -> None:
    def count(route: str, status: str, method: str = "GET") -> float | None:
        name = "app_http_request_duration_seconds_count"
        return story.value(name, method=method, route=route, status=status)

    assert count("/probe/inner/things/{thing}/parts/{part}", "200") == 40
    assert count("/probe/plain", "200") == 3
    assert count("/probe/broken", "500") == 3
    assert count("/probe/conflict/{thing}", "409") == 3
    assert count("/site/rows/{row}", "200") == 3
    assert count("none", "404") == 3
    assert count("/probe/plain", "405", "OTHER") == 3
    assert story.value("app_processes", kind="api") == 2


def test_a_histogram_adds_up(story: Story) -> None:
    labels = {"method": "GET", "route": "/probe/plain", "status": "200"}
    name = "app_http_request_duration_seconds"
    assert story.value(f"{name}_bucket", **labels, le="+Inf") == 3
    assert 0 < (story.value(f"{name}_sum", **labels) or 0) < 3


def test_no_label_has_what_a_caller_sent(story: Story) -> None:
    assert not re.search(r"[0-9a-f]{8}-[0-9a-f]{4}|[0-9A-F]{32}", story.text)
    assert story.labels("method") <= {"GET", "POST", "OTHER"}


def test_runs_of_tasks_are_counted_by_outcome(story: Story) -> None:
    for task, outcome in {
        "probe.fine": "success",
        "probe.flaky": "retry",
        "probe.refuse": "failure",
        "probe.skip": "skipped",
    }.items():
        assert story.value("app_task_duration_seconds_count", task=task, outcome=outcome) == 1


def test_outbox_queue_and_dead_letters(story: Story) -> None:
    empty: frozenset[tuple[str, str]] = frozenset()
    assert story.before["app_tasks_open", frozenset({("state", "pending")})] == 4
    assert story.before["app_dead_letters", empty] == 0
    assert story.value("app_queue_messages", queue="celery") == 0
    assert story.value("app_dead_letters") == 1
    assert story.value("app_outbox_waiting") == 1
    assert 89 < (story.value("app_outbox_oldest_seconds") or 0) < 120


def test_pools_are_those_of_all_processes(story: Story) -> None:
    assert story.value("app_db_connections_limit", kind="api") == 10
    assert story.value("app_db_connections_limit", kind="worker") == 2
    assert story.value("app_db_connections_used", kind="api") is not None


@pytest.mark.parametrize(
    "path", [MONITORING / "rules.yml", *DASHBOARDS], ids=lambda path: path.stem
)
def test_rules_and_dashboards_use_metrics_that_exist(story: Story, path: Path) -> None:
    used = set(re.findall(r"\bapp_\w+", path.read_text()))
    exposed = {name for name, _ in numbers(story.text)} | {"app_heartbeat_age_seconds"}
    assert used
    assert used <= exposed


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)
def test_a_dashboard_lets_the_user_choose_the_data_source(path: Path) -> None:
    dashboard: Any = json.loads(path.read_text())
    assert dashboard["uid"] == f"app-{path.stem}"
    ids = [panel["id"] for panel in dashboard["panels"]]
    assert ids == [*range(1, len(ids) + 1)]
    assert dashboard["templating"]["list"][0]["type"] == "datasource"
    for panel in dashboard["panels"]:
        assert panel["datasource"]["uid"] == "${datasource}"
        assert panel["targets"]
