"""What is asked of the local Supabase, and failures on purpose."""

import asyncio
from collections import Counter
from dataclasses import dataclass

from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send


@dataclass
class Failure:
    """An answer in place of the real one."""

    status: int
    body: bytes
    times: int | None  # None: until it is lifted


class Traffic:
    """Counts the calls by path, and fails those that shall fail."""

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()
        # Seconds by path that an answer waits.
        self.delays: dict[str, float] = {}
        self._failures: dict[str, Failure] = {}

    def fail(
        self, path: str, status: int = 503, *, body: bytes = b"{}", times: int | None = None
    ) -> None:
        """Answer `status` to calls of a path, from now on or the next `times`."""
        self._failures[path] = Failure(status, body, times)

    def heal(self) -> None:
        """Answer everything as it should be, at once."""
        self._failures.clear()
        self.delays.clear()

    def failure(self, path: str) -> Failure | None:
        """Count a call; the failure that it meets, if any."""
        self.calls[path] += 1
        failure = self._failures.get(path)
        if failure and failure.times is not None:
            failure.times -= 1
            if failure.times <= 0:
                del self._failures[path]
        return failure


class Interference:
    """The middleware around everything."""

    def __init__(self, app: ASGIApp, traffic: Traffic) -> None:
        self._app = app
        self._traffic = traffic

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        failure = self._traffic.failure(path)
        await asyncio.sleep(self._traffic.delays.get(path, 0.0))
        if failure is None:
            await self._app(scope, receive, send)
            return
        answer = Response(failure.body, failure.status, media_type="application/json")
        await answer(scope, receive, send)
