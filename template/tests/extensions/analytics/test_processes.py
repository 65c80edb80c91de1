"""API, beat and worker as processes: a committed event arrives, whatever dies meanwhile."""

import signal
from uuid import UUID, uuid4

import pytest
from httpx import AsyncClient, TransportError

from devstack.ports import free_port
from devstack.supabase import LocalSupabase
from tests.extensions.analytics.sink import Sink
from tests.support.processes import SECONDS, eventually, own_redis, running

CONSENT = "/api/v1/analytics/consent"
CELERY = ("celery", "-A", "app.worker")
ALONE = ("--concurrency=1", "--without-mingle", "--without-gossip")

pytestmark = pytest.mark.slow


async def test_an_event_survives_the_process_that_captured_it(
    database_url: str, sink: Sink, supabase: LocalSupabase, tmp_path: object
) -> None:
    environment = {
        "DATABASE_URL": database_url,
        "REDIS_URL": own_redis(11),
        **sink.environment,
    }
    user = supabase.user(f"{uuid4().hex[:12]}@example.com")
    started = supabase.auth.new_session(user, "password")
    headers = {"Authorization": f"Bearer {supabase.auth.access_token(user, started.id)}"}
    order, refused = UUID(int=1), UUID(int=2)
    # Redis does not answer, so nothing but the database can know of the event.
    port = free_port()
    without_redis = {**environment, "REDIS_URL": "redis://127.0.0.1:1/0"}
    api = ("uvicorn", "tests.extensions.analytics.probe_api:app", f"--port={port}")
    with running(*api, stop=signal.SIGKILL, **without_redis) as process:
        client = AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=headers)

        async def answers() -> bool:
            try:
                return (await client.get("/health/live")).is_success
            except TransportError:
                return False

        await eventually(answers, process, seconds=60)
        assert (await client.post(f"/probe/pay/{refused}")).is_success
        answer = await client.put(CONSENT, json={"given": True})
        assert answer.is_success, answer.text
        assert (await client.post(f"/probe/pay/{order}")).is_success
        await client.aclose()
    schedule = f"--schedule={tmp_path}/schedule"
    with (
        running(*CELERY, "worker", *ALONE, stop=signal.SIGTERM, **environment) as worker,
        running(*CELERY, "beat", schedule, stop=signal.SIGTERM, **environment) as beat,
    ):

        async def arrived() -> bool:
            return bool(sink.events)

        await eventually(arrived, worker, beat, seconds=2 * SECONDS)
    (event,) = sink.events
    assert event["distinct_id"] == str(user.id)
    assert event["properties"]["order_id"] == str(order)
