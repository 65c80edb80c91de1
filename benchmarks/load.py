"""A load generator: one request, sent again and again over some connections of one thread.

It is here so that the benchmarks need nothing installed. It writes ready bytes and looks at no more
of an answer than its status and length, and reports its own share of a processor: well below 1, it
is not what is measured.
"""

import selectors
import socket
import statistics
import time
from dataclasses import dataclass

CHUNK = 1 << 18


@dataclass(frozen=True)
class Load:
    """What one run measured."""

    requests: int
    seconds: float
    p50_ms: float
    p99_ms: float
    processor_share: float  # of one core, used by this generator


@dataclass
class _Connection:
    socket: socket.socket
    sent: float = 0.0
    answer: bytes = b""


@dataclass(frozen=True)
class Call:
    """A request: what is sent again and again."""

    path: str
    token: str = ""
    method: str = "GET"
    body: str = ""
    cookie: str = ""

    def encode(self) -> bytes:
        """The bytes of the request."""
        sent = f"Content-Type: application/json\r\nContent-Length: {len(self.body)}\r\n"
        who = f"Cookie: {self.cookie}" if self.cookie else f"Authorization: Bearer {self.token}"
        return (
            f"{self.method} {self.path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: */*\r\n"
            f"{sent if self.body else ''}{who}\r\n\r\n{self.body}"
        ).encode()


def run_load(port: int, call: Call, *, connections: int, seconds: float) -> Load:
    """Send a call to 127.0.0.1 for some seconds, each connection with one request under way.

    Raises:
        RuntimeError: an answer is neither 200 nor 201.
    """
    request = call.encode()
    latencies: list[float] = []
    with selectors.DefaultSelector() as selector:
        for _ in range(connections):
            client = socket.create_connection(("127.0.0.1", port), timeout=10)
            client.setblocking(False)
            selector.register(client, selectors.EVENT_READ, _Connection(client))
        opened = [key.data for key in selector.get_map().values()]
        processor, started = time.process_time(), time.perf_counter()
        for connection in opened:
            _send(connection, request)
        while (now := time.perf_counter()) - started < seconds:
            for key, _ in selector.select(timeout=1):
                connection = key.data
                connection.answer += connection.socket.recv(CHUNK)
                if _complete(connection.answer):
                    latencies.append(time.perf_counter() - connection.sent)
                    _send(connection, request)
        share = (time.process_time() - processor) / (now - started)
        for connection in opened:
            connection.socket.close()
    cuts = statistics.quantiles(latencies, n=100)
    return Load(len(latencies), now - started, cuts[49] * 1000, cuts[98] * 1000, share)


def _send(connection: _Connection, request: bytes) -> None:
    connection.answer = b""
    connection.sent = time.perf_counter()
    connection.socket.send(request)


def _complete(answer: bytes) -> bool:
    head, separator, body = answer.partition(b"\r\n\r\n")
    if not separator:
        if answer:
            return False
        raise RuntimeError("The server closed a connection.")
    if head[9:12] not in (b"200", b"201"):
        raise RuntimeError(f"Neither 200 nor 201: {answer[:500].decode(errors='replace')}")
    length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
    return len(body) == int(length)
