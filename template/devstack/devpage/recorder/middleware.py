"""Records each request."""

import os
import time
from typing import Any, ClassVar

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.core import context
from devstack.devpage.recorder import headers, privacy, target
from devstack.devpage.recorder.entry import Entry, current, record


class Middleware:
    """Starts an entry for each request. It reads no body and keeps no header."""

    exposed_headers: ClassVar[tuple[str, ...]] = ()

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started, status, size = time.perf_counter(), 500, 0
        request_id = context.request_id.get() or ""
        # It stays set after this call: what is logged about the request later belongs to it, too.
        # The task in which uvicorn handles a request ends with it.
        secrets = headers.secrets(Headers(scope=scope))
        current.set(Entry("requests", request_id, secrets=secrets))
        record(
            "request",
            request_id=request_id,
            method=scope["method"],
            path=privacy.readable(scope["path"]),
            query=privacy.query(scope["query_string"]),
            target=target.of(scope, secrets),
            process=f"api {os.getpid()}",
        )

        async def watched_send(message: Message) -> None:
            nonlocal status, size
            if message["type"] == "http.response.start":
                status = message["status"]
            size += len(message.get("body", b""))
            await send(message)

        try:
            await self.app(scope, receive, watched_send)
        finally:
            endpoint = scope.get("endpoint")
            record(
                "response",
                status=status,
                ms=round((time.perf_counter() - started) * 1000, 2),
                user=context.user_id.get(),
                function=_name(endpoint) if endpoint else "",
                size=size,
            )


def _name(endpoint: Any) -> str:
    return f"{endpoint.__module__}.{getattr(endpoint, '__qualname__', type(endpoint).__qualname__)}"
