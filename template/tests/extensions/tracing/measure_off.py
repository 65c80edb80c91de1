"""What a process without an endpoint loads and does, as JSON on standard output.

    python -m tests.extensions.tracing.measure_off

The modules of OpenTelemetry, and how many functions are called for a request and for an enqueued
task.
"""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from types import FrameType
from typing import Any

from fastapi import FastAPI
from starlette.types import Message


async def use(app: Any) -> None:
    async def receive() -> Message:
        return {"type": "http.request", "body": b""}

    async def send(_: Message) -> None:
        pass

    scope = {"type": "http", "method": "GET", "path": "/health/live", "query_string": b""}
    scope |= {"headers": [(b"host", b"localhost")], "root_path": "", "scheme": "http"}
    await app(scope, receive, send)


async def live(app: FastAPI) -> None:
    """Start and stop the API, as a server does."""
    messages: list[Message] = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]

    async def receive() -> Message:
        return messages.pop(0)

    async def send(_: Message) -> None:
        pass

    await app({"type": "lifespan"}, receive, send)


async def count(work: Callable[[], Awaitable[None]]) -> int:
    """Count the calls of Python functions, after a first run that fills all caches."""
    await work()
    calls = 0

    def profile(_frame: FrameType, event: str, _: object) -> None:
        nonlocal calls
        calls += event == "call"

    sys.setprofile(profile)
    await work()
    sys.setprofile(None)
    return calls


async def main() -> None:
    from sqlmodel import Session

    from app.core.process import process
    from app.core.tasks import enqueue
    from app.core.tasks.tasks import heartbeat
    from app.main import app

    async def request() -> None:
        await use(app)

    async def task() -> None:
        enqueue(Session(), heartbeat.s())

    for kind in ("worker", "beat", "command"):
        with process(kind, "db"):
            pass
    await live(app)
    found = {"request": await count(request), "task": await count(task)}
    modules = [name for name in sys.modules if name.startswith(("opentelemetry", "google."))]
    print(json.dumps({**found, "modules": sorted(modules)}))


if __name__ == "__main__":
    asyncio.run(main())
