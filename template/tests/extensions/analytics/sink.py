"""A PostHog that keeps what it gets."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

KEY, PERSONAL_KEY, PROJECT = "phc_key", "phx_key", "7"
DELETION = f"/api/projects/{PROJECT}/persons/bulk_delete/"


@dataclass
class Sink:
    """What has arrived. The answers have `status` and, if it is set, `body`."""

    url: str = ""
    status: int = 200
    body: Any = None
    requests: list[str] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)
    deleted: list[dict[str, Any]] = field(default_factory=list)
    asked: list[dict[str, Any]] = field(default_factory=list)
    flags: dict[str, bool] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        """The settings with which the backend uses it."""
        return {
            "ANALYTICS_KEY": KEY,
            "ANALYTICS_HOST": self.url,
            "ANALYTICS_PROJECT": PROJECT,
            "ANALYTICS_PERSONAL_KEY": PERSONAL_KEY,
        }

    def answer(self, path: str, body: dict[str, Any], authorization: str | None) -> Any:
        """Keep a request, and return what PostHog answers."""
        self.requests.append(path)
        if self.status == 200:
            if path == DELETION:
                assert authorization == f"Bearer {PERSONAL_KEY}"
                self.deleted.append(body)
            else:
                assert body["api_key"] == KEY
            if path == "/batch/":
                self.events += body["batch"]
            if path == "/flags/?v=2":
                self.asked.append(body)
        if self.body is not None:
            return self.body
        return {"flags": {name: {"enabled": on} for name, on in self.flags.items()}}


@contextmanager
def receiving() -> Iterator[Sink]:
    """Run it on loopback."""
    sink = Sink()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            answer = json.dumps(sink.answer(self.path, body, self.headers["authorization"]))
            self.send_response(sink.status)
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer.encode())

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        sink.url = f"http://127.0.0.1:{server.server_port}"
        yield sink
        server.shutdown()
        thread.join()
