"""A Sentry that keeps what it gets."""

import gzip
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Item = dict[str, Any]


@dataclass
class Sink:
    """What has arrived. `status` is the answer, after `delay` seconds."""

    url: str = ""
    dsn: str = ""
    delay: float = 0.0
    status: int = 200
    raw: list[bytes] = field(default_factory=list)
    events: list[Item] = field(default_factory=list)
    check_ins: list[Item] = field(default_factory=list)
    others: list[str] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)

    def read(self, envelope: bytes) -> None:
        """Parse an envelope: a line for itself, then a header and a payload for each item."""
        self.raw.append(envelope)
        _, _, rest = envelope.partition(b"\n")
        while rest.strip():
            line, _, rest = rest.partition(b"\n")
            header = json.loads(line)
            payload, rest = rest[: header["length"]], rest[header["length"] :].lstrip(b"\n")
            match header["type"]:
                case "event":
                    self.events.append(json.loads(payload))
                case "check_in":
                    self.check_ins.append(json.loads(payload))
                case other:
                    self.others.append(other)


@contextmanager
def receiving() -> Iterator[Sink]:
    """Run it on loopback."""
    sink = Sink()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            if self.headers.get("content-encoding") == "gzip":
                body = gzip.decompress(body)
            assert self.path == "/api/42/envelope/"
            time.sleep(sink.delay)
            sink.keys.append(self.headers["x-sentry-auth"])
            if sink.status == 200:
                sink.read(body)
            self.send_response(sink.status)
            self.send_header("content-length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        sink.url = f"http://127.0.0.1:{server.server_port}"
        sink.dsn = f"{sink.url.replace('://', '://the-key@')}/42"
        yield sink
        server.shutdown()
        thread.join()
