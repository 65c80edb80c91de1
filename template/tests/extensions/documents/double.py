"""A language service with the parts of OpenAI's HTTP API that the tests need."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Body = dict[str, Any]


@dataclass
class Answer:
    """A response: status, body (JSON or bytes) and headers."""

    body: Any = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class LanguageService:
    """The requests to the service, and its answers."""

    url: str = ""
    asked: list[tuple[str, Body, dict[str, str]]] = field(default_factory=list)
    # These answers come first, in order.
    next: list[Answer] = field(default_factory=list)
    usual: Callable[[str, Body], Answer] = lambda _path, _body: Answer(status=404)


@contextmanager
def language_service() -> Iterator[LanguageService]:
    service = LanguageService()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            headers = {name.lower(): value for name, value in self.headers.items()}
            service.asked.append((self.path, body, headers))
            answer = service.next.pop(0) if service.next else service.usual(self.path, body)
            raw = isinstance(answer.body, bytes)
            content = answer.body if raw else json.dumps(answer.body).encode()
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    service.url = f"http://127.0.0.1:{server.server_port}/v1"
    try:
        yield service
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def vectors(length: int) -> Callable[[str, Body], Answer]:
    """Return a function that answers with a vector for each text, in reverse order with `index`."""

    def answer(_path: str, body: Body) -> Answer:
        found = [
            {"index": number, "embedding": [float(len(text)), *[1.0] * (length - 1)]}
            for number, text in enumerate(body["input"])
        ]
        return Answer({"data": found[::-1]})

    return answer
