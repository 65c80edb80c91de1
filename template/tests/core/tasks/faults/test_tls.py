"""`rediss://`: all connections verify the certificate of the server."""

import signal
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from devstack.ports import free_port
from tests.core.tasks.faults.conftest import SAMPLE, Faults, answers
from tests.core.tasks.faults.tls import certificate, front
from tests.support.processes import eventually, running

pytestmark = pytest.mark.slow


@pytest.fixture
async def secured(faults: Faults, tmp_path: Path) -> AsyncIterator[tuple[str, Path]]:
    """The address of the stage's Redis behind TLS, and the CA of its certificate."""
    chain, key = certificate(tmp_path)
    async with front(faults.stage.valkey.port, chain, key) as port:
        yield f"rediss://:{faults.stage.valkey.password}@127.0.0.1:{port}/0", chain


@pytest.mark.parametrize("by", ["setting", "address"])
async def test_a_task_from_the_api_to_a_worker(
    faults: Faults, secured: tuple[str, Path], by: str
) -> None:
    address, ca = secured
    if by == "address":
        redis = {"REDIS_URL": f"{address}?ssl_ca_certs={ca}"}
    else:
        redis = {"REDIS_URL": address, "REDIS_CA_CERT": str(ca)}
    port = free_port()
    environment = faults.environment | redis
    api = ("uvicorn", "tests.core.tasks.faults.sample_api:app", f"--port={port}")
    work = ("celery", "-A", SAMPLE, "worker", "--concurrency=1", "--without-mingle")
    # A warm stop needs Redis, and the TLS front does not run during the stop.
    kill = signal.SIGKILL
    with (
        running(*api, stop=kill, **environment) as server,
        running(*work, stop=kill, **environment) as worker,
    ):
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
            await answers(client, server)
            assert (await client.get("/health/ready")).json()["checks"]["redis"]["ok"]
            await client.post("/sample", json={"task": "count", "calls": [{"key": "a"}]})
            assert await faults.ended(server, worker) == {"success": 1}


async def test_an_unknown_certificate_is_refused(faults: Faults, secured: tuple[str, Path]) -> None:
    port = free_port()
    environment = faults.environment | {"REDIS_URL": secured[0]}
    api = ("uvicorn", "tests.core.tasks.faults.sample_api:app", f"--port={port}")
    work = ("celery", "-A", SAMPLE, "worker", "--concurrency=1", "--without-mingle")
    # A warm stop needs Redis, and the TLS front does not run during the stop.
    kill = signal.SIGKILL
    with (
        running(*api, stop=kill, **environment) as server,
        running(*work, stop=kill, **environment) as worker,
    ):
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
            await answers(client, server)
            assert not (await client.get("/health/ready")).json()["checks"]["redis"]["ok"]
            direct = {"task": "count", "calls": [{"key": "a"}]}
            assert (await client.post("/sample/direct", json=direct)).status_code == 503

        async def refused() -> bool:
            return "certificate verify failed" in worker.said()

        await eventually(refused, worker)
