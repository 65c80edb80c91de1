"""Failures of the real processes, as Sentry gets them."""

import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from uuid import uuid4

import psycopg
import pytest
from httpx import Response

from devstack.supabase import LocalSupabase
from tests.extensions.sentry.conftest import api, worker
from tests.extensions.sentry.sink import Item, Sink, receiving
from tests.support.canaries import canaries
from tests.support.processes import eventually

SECRET = f"canary-{uuid4().hex}"
EMAIL = f"{uuid4().hex}@example.com"
# The flaky task waits for its next attempt.
UNFINISHED = """
    SELECT count(*) FROM app.tasks WHERE state IN ('pending', 'started')
    AND NOT (name = 'probe.flaky' AND attempts = 1 AND state = 'pending')
"""


@dataclass
class Story:
    """What happened."""

    sink: Sink
    user_id: str
    broken: Response

    def of(self, place: str) -> list[Item]:
        """The events of a route or a task."""
        return [event for event in self.sink.events if event["transaction"] == place]


@pytest.fixture(scope="module")
async def story(environment: dict[str, str], supabase: LocalSupabase) -> AsyncIterator[Story]:
    with receiving() as sink:
        sink.delay = 0.5  # so some events wait when their process is stopped
        settings = {**environment, "SENTRY_DSN": sink.dsn, "APP_VERSION": "1.2.3"}
        with worker(**settings) as process:
            async with api(**settings) as (client, api_process):
                signed_in = {"authorization": f"Bearer {supabase.issue_token(EMAIL)}"}
                user = (await client.get("/api/v1/users/me", headers=signed_in)).json()
                broken = await client.post(
                    f"/probe/broken/{SECRET}?q={SECRET}",
                    json={"note": SECRET},
                    headers={
                        **signed_in,
                        "cookie": f"session={SECRET}",
                        "user-agent": SECRET,
                        "x-forwarded-for": SECRET,
                        "baggage": f"sentry-user={SECRET}",
                        "sentry-trace": f"{'a' * 32}-{'b' * 16}-1",
                    },
                )
                assert (await client.post(f"/probe/tasks?q={SECRET}")).is_success
                assert (await client.get(f"/probe/conflict?q={SECRET}")).status_code == 409
                assert (await client.get("/probe/conflict")).status_code == 422
                assert (await client.get(f"/no/{SECRET}")).status_code == 404
                assert (await client.get(f"/probe/later?q={SECRET}")).status_code == 503
                with psycopg.connect(settings["DATABASE_URL"], autocommit=True) as connection:

                    async def ended() -> bool:
                        return connection.execute(UNFINISHED).fetchone() == (0,)

                    await eventually(ended, process, api_process)
        yield Story(sink, user["id"], broken)


def test_errors_of_ours_and_dead_letters_are_events_and_nothing_else_is(story: Story) -> None:
    assert sorted(event["transaction"] for event in story.sink.events) == [
        "GET /probe/later",
        "POST /probe/broken/{token}",
        "probe.fail",
        "probe.refuse",
    ]
    assert story.sink.others == []


def test_an_error_has_its_place_its_ids_and_its_user(story: Story) -> None:
    (event,) = story.of("POST /probe/broken/{token}")
    assert event["release"] == "1.2.3"
    assert event["environment"] == os.environ["ENVIRONMENT"]
    assert event["user"] == {"id": story.user_id}
    assert event["tags"]["request_id"] == story.broken.headers["x-request-id"]
    assert event["tags"]["kind"] == "request"
    types = [value["type"] for value in event["exception"]["values"]]
    assert types == ["ValueError", "RuntimeError"]
    last = event["exception"]["values"][-1]["stacktrace"]["frames"][-1]
    assert (last["function"], last["module"]) == ("broken", "tests.extensions.sentry.probe")
    assert "raise RuntimeError" in last["context_line"]


def test_a_failed_task_has_its_name_its_id_and_the_request(story: Story) -> None:
    (event,) = story.of("probe.fail")
    assert event["tags"]["kind"] == "task"
    assert len(event["tags"]["task_id"]) == len(event["tags"]["request_id"]) + 4 == 36
    (refused,) = story.of("probe.refuse")
    assert refused["exception"]["values"][-1]["type"] == "TaskError"
    assert refused["tags"]["request_id"] == event["tags"]["request_id"]


def test_nothing_that_people_sent_and_no_secret_is_in_an_event(story: Story) -> None:
    everything = b"".join(story.sink.raw)
    for secret in (SECRET, EMAIL, *canaries()):
        assert secret.encode() not in everything


def test_events_go_to_the_project_with_its_key(story: Story) -> None:
    assert all("sentry_key=the-key" in key for key in story.sink.keys)
