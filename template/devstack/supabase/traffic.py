"""Counts the requests to the local Supabase, and makes them fail or wait, for tests."""

import asyncio
from collections import Counter
from dataclasses import dataclass

from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send


@dataclass
class Failure:
    """A response in place of the real one."""

    status: int
    body: bytes
    times: int | None  # None: until `heal` is called


class Traffic:
    """Numbers of requests, failures and delays by path."""

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()
        # Seconds that the response of a path waits.
        self.delays: dict[str, float] = {}
        self._failures: dict[str, Failure] = {}

    def fail(
        self, path: str, status: int = 503, *, body: bytes = b"{}", times: int | None = None
    ) -> None:
        """Answer requests to a path with `status`: the next `times` requests, or all."""
        self._failures[path] = Failure(status, body, times)

    def heal(self) -> None:
        """Remove all failures and delays."""
        self._failures.clear()
        self.delays.clear()

    def failure(self, path: str) -> Failure | None:
        """Count a request, and return the failure for it, if any."""
        self.calls[path] += 1
        failure = self._failures.get(path)
        if failure and failure.times is not None:
            failure.times -= 1
            if failure.times <= 0:
                del self._failures[path]
        return failure


class TrafficMiddleware:
    """Records each request, and applies failures and delays."""

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
        response = Response(failure.body, failure.status, media_type="application/json")
        await response(scope, receive, send)
