"""One request with its tasks, through the real processes, as the receiver of spans sees it."""

import json
import signal
from collections.abc import AsyncIterator
from dataclasses import dataclass
from uuid import uuid4

import psycopg
import pytest
from httpx import Response

from tests.extensions.tracing.conftest import api
from tests.extensions.tracing.sink import Received, Sink, receiving
from tests.support.processes import eventually, running

SECRET = f"canary-{uuid4().hex}"
CALLER = "0af7651916cd43dd8448eb211c80319c"
PARENT = f"00-{CALLER}-b7ad6b7169203331-01"
UNFINISHED = "SELECT count(*) FROM app.tasks WHERE state IN ('pending', 'started')"


@dataclass
class Story:
    """What happened."""

    sink: Sink
    done: Response
    broken: Response
    output: str

    def one(self, name: str) -> Received:
        """The span with this name in the caller's trace."""
        (span,) = [span for span in self.sink.trace(CALLER) if span.name == name]
        return span

    def children(self, span: Received) -> list[Received]:
        """The spans below another one."""
        near = [each for each in self.sink.spans if each.parent_id == span.span_id]
        return near + [each for child in near for each in self.children(child)]


@pytest.fixture(scope="module")
async def story(environment: dict[str, str]) -> AsyncIterator[Story]:
    with receiving() as sink:
        settings = {
            **environment,
            "TRACING_ENDPOINT": sink.url,
            # So all spans are sent at the end of the processes.
            "OTEL_BSP_SCHEDULE_DELAY": "60000",
            "TRACING_HEADERS": "authorization=Bearer the-key, x-team=blue",
        }
        celery = ("celery", "-A", "tests.extensions.tracing.probe_worker", "worker")
        alone = ("--concurrency=1", "--without-mingle", "--without-gossip", "--loglevel=INFO")
        with running(*celery, *alone, stop=signal.SIGTERM, **settings) as worker:
            async with api(**settings) as (client, process):
                done = await client.post(
                    f"/probe/all/{SECRET}?q={SECRET}",
                    json={"note": SECRET, "other": sink.url},
                    headers={
                        "traceparent": PARENT,
                        "tracestate": f"vendor={SECRET}",
                        "baggage": f"secret={SECRET}",
                        "authorization": f"Bearer {SECRET}",
                        "cookie": f"session={SECRET}",
                        "user-agent": SECRET,
                        "referer": f"https://example.com/{SECRET}",
                    },
                )
                broken = await client.get(f"/probe/broken?q={SECRET}")
                await client.get(f"/no/such/{SECRET}")
                await client.get("/health/ready")

                with psycopg.connect(settings["DATABASE_URL"], autocommit=True) as connection:

                    async def ended() -> bool:
                        return connection.execute(UNFINISHED).fetchone() == (0,)

                    await eventually(ended, worker, process)
                output = process.said() + worker.said()
        yield Story(sink, done, broken, output)


def test_request_and_tasks_are_one_trace(story: Story) -> None:
    request = story.one("POST /probe/all/{token}")
    create_first, create_second = story.one("create probe.first"), story.one("create probe.second")
    first, second = story.one("process probe.first"), story.one("process probe.second")
    assert (request.kind, request.parent_id) == ("server", "b7ad6b7169203331")
    for message in (create_first, create_second):
        assert message.kind == "producer"
    assert create_first in story.children(request)
    assert first.parent_id == create_first.span_id
    assert create_second in story.children(first)
    assert second.parent_id == create_second.span_id
    assert [each.resource["app.process"] for each in (request, first, second)] == [
        "api",
        "worker",
        "worker",
    ]


def test_each_kind_of_call_is_a_span(story: Story) -> None:
    def below(name: str) -> list[tuple[str, str]]:
        return [
            (
                str(
                    span.attributes.get("db.system.name")
                    or span.attributes.get("db.system")
                    or "http"
                ),
                span.name,
            )
            for span in story.children(story.one(name))
            if span.kind == "client" and span.trace_id == CALLER
        ]

    request = below("POST /probe/all/{token}")
    # One by the reader, one by the session.
    assert request.count(("postgresql", "SELECT")) >= 2
    for expected in (("redis", "SET"), ("redis", "EVALSHA"), ("http", "POST")):
        assert expected in request
    assert ("postgresql", "SELECT") in below("process probe.first")
    assert ("redis", "SET") in below("process probe.first")
    assert ("postgresql", "SELECT") in below("process probe.second")


def test_nothing_that_people_sent_is_in_a_span(story: Story) -> None:
    assert story.done.json() == {"note": SECRET}
    assert len(story.sink.spans) > 30
    for body in story.sink.raw:
        assert SECRET.encode() not in body
        assert b"hunter2" not in body


def test_other_services_get_the_trace_and_no_baggage(story: Story) -> None:
    (called,) = story.sink.called
    assert called["traceparent"].split("-")[1] == CALLER
    assert "baggage" not in called


def test_a_failed_task_is_an_error_without_its_message(story: Story) -> None:
    failed = story.one("process probe.fail")
    assert (failed.failed, failed.attributes["error.type"]) == (True, "DataError")
    assert not story.one("process probe.first").failed


def test_an_unexpected_error_is_one_with_its_trace_in_response_and_log(story: Story) -> None:
    (span,) = [span for span in story.sink.spans if span.name == "GET /probe/broken"]
    assert (span.failed, span.attributes["http.response.status_code"]) == (True, 500)
    assert story.broken.json()["trace_id"] == span.trace_id
    lines = [json.loads(line) for line in story.output.splitlines() if line.startswith("{")]
    events = {line["event"] for line in lines if line.get("trace_id") == span.trace_id}
    assert events == {"unexpected_error", "request"}
    assert "second_runs" in {line["event"] for line in lines if line.get("trace_id") == CALLER}


def test_health_checks_polling_and_upkeep_are_no_traces(story: Story) -> None:
    assert not [span for span in story.sink.spans if "health" in span.name]
    roots = {span.kind for span in story.sink.spans if not span.parent_id}
    assert roots == {"server"}


def test_the_receiver_gets_its_headers_and_the_names_of_the_service(story: Story) -> None:
    assert {each["authorization"] for each in story.sink.headers} == {"Bearer the-key"}
    assert {each["x-team"] for each in story.sink.headers} == {"blue"}
    resource = story.sink.spans[0].resource
    assert resource["deployment.environment.name"] == "test"
    assert resource["service.version"] == "dev"
