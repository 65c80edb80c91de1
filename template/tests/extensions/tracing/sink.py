"""A receiver of OTLP over HTTP, which also answers other requests, as a service would."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

KINDS = {1: "internal", 2: "server", 3: "client", 4: "producer", 5: "consumer"}


@dataclass(frozen=True)
class Received:
    """One span, as the receiver sees it."""

    name: str
    kind: str
    trace_id: str
    span_id: str
    parent_id: str
    failed: bool
    attributes: dict[str, Any]
    resource: dict[str, Any]


@dataclass
class Sink:
    """What has arrived. `status` is the answer to spans."""

    url: str = ""
    status: int = 200
    spans: list[Received] = field(default_factory=list)
    raw: list[bytes] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    called: list[dict[str, str]] = field(default_factory=list)

    def trace(self, trace_id: str) -> list[Received]:
        """The spans of a trace."""
        return [span for span in self.spans if span.trace_id == trace_id]

    def read(self, body: bytes) -> None:
        """Parse a request with spans."""
        self.raw.append(body)
        for group in ExportTraceServiceRequest.FromString(body).resource_spans:
            resource = values(group.resource.attributes)
            for scope in group.scope_spans:
                for span in scope.spans:
                    self.spans.append(
                        Received(
                            span.name,
                            KINDS[span.kind],
                            span.trace_id.hex(),
                            span.span_id.hex(),
                            span.parent_span_id.hex(),
                            span.status.code == 2,
                            values(span.attributes),
                            resource,
                        )
                    )


def values(attributes: Any) -> dict[str, Any]:
    """Attributes as a dictionary."""
    return {
        each.key: getattr(each.value, str(each.value.WhichOneof("value"))) for each in attributes
    }


@contextmanager
def receiving() -> Iterator[Sink]:
    """Run a receiver on loopback."""
    sink = Sink()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            if self.path == "/v1/traces":
                sink.headers.append(headers)
                if sink.status == 200:
                    sink.read(body)
                self.answer(sink.status)
            else:
                sink.called.append(headers)
                self.answer(200)

        def answer(self, status: int) -> None:
            self.send_response(status)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        sink.url = f"http://127.0.0.1:{server.server_port}"
        yield sink
        server.shutdown()
        thread.join()
