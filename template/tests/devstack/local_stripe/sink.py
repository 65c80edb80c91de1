"""A webhook endpoint that checks signatures with Stripe's own library."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import stripe


@dataclass
class Sink:
    """What has arrived. The next answers have the statuses of `answers`, then 200."""

    url: str = ""
    secret: str = ""
    answers: list[int] = field(default_factory=list)
    events: list[stripe.Event] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)

    @property
    def types(self) -> list[str]:
        """The types of the events, in the order of their arrival."""
        return [each.type for each in self.events]


@contextmanager
def receiving() -> Iterator[Sink]:
    """Serve the endpoint."""
    sink = Sink()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            status = sink.answers.pop(0) if sink.answers else 200
            header = self.headers.get("stripe-signature", "")
            try:
                event = stripe.Webhook.construct_event(body, header, sink.secret)
            except stripe.SignatureVerificationError as error:
                sink.refused.append(str(error))
            else:
                sink.events.append(event)
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    sink.url = f"http://127.0.0.1:{server.server_port}/hook"
    try:
        yield sink
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
