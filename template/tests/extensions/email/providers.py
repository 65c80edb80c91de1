"""Doubles of Resend and Postmark, over HTTP."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Provider(ThreadingHTTPServer):
    """Keeps the requests, and answers as it is told."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.requests: list[tuple[str, dict[str, str], dict[str, Any]]] = []
        self.answers: list[tuple[int, dict[str, Any]]] = []
        # As at Resend: a repeated key gives the first answer and sends nothing.
        self.by_key: dict[str, dict[str, Any]] = {}
        self.sent: list[dict[str, Any]] = []

    @property
    def url(self) -> str:
        """The address of its API."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def answer(
        self, path: str, headers: dict[str, str], body: dict[str, Any]
    ) -> tuple[int, dict[str, Any]]:
        """Answer a request."""
        self.requests.append((path, headers, body))
        if self.answers:
            return self.answers.pop(0)
        if path == "/server":
            return 200, {"Name": "Shop"}
        if path == "/domains":
            return 401, {"name": "restricted_api_key"}
        key = headers.get("idempotency-key")
        if key in self.by_key:
            return 200, self.by_key[key]
        self.sent.append(body)
        number = str(len(self.sent))
        found = {"id": number, "MessageID": number, "ErrorCode": 0}
        if key:
            self.by_key[key] = found
        return 200, found


class _Handler(BaseHTTPRequestHandler):
    server: Provider

    def _do(self) -> None:
        length = int(self.headers.get("content-length") or 0)
        body = json.loads(self.rfile.read(length) or b"{}")
        headers = {name.lower(): value for name, value in self.headers.items()}
        status, answer = self.server.answer(self.path, headers, body)
        content = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = _do  # noqa: N815 - http.server defines the names

    def log_message(self, *_: Any) -> None:
        """Print nothing."""


@contextmanager
def running() -> Iterator[Provider]:
    """Run a double from a thread."""
    with Provider() as provider:
        thread = threading.Thread(target=provider.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield provider
        provider.shutdown()
        thread.join()
