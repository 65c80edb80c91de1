"""The mirror: every entry is stored once, also after failed requests."""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import httpx
import pytest

from app.extensions.credits.service import entries, mirror
from tests.extensions.credits.conftest import Bank


class Sink(ThreadingHTTPServer):
    """Merges rows by id, as PostgREST does. `failures` makes it fail before or after that."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.rows: dict[str, dict[str, Any]] = {}
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.received = 0
        self.failures: list[str] = []


class Handler(BaseHTTPRequestHandler):
    server: Sink

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.server.requests.append((self.path, {k.lower(): v for k, v in self.headers.items()}))
        failure = self.server.failures.pop(0) if self.server.failures else ""
        if failure != "before":
            self.server.rows |= {row["id"]: row for row in body}
            self.server.received += len(body)
        self.send_response(503 if failure else 201)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Do not print requests."""


@pytest.fixture
def sink(configure: Callable[..., None]) -> Iterator[Sink]:
    server = Sink()
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    url = f"http://127.0.0.1:{server.server_port}/rest/v1/entries"
    configure(CREDITS_MIRROR_URL=url, CREDITS_MIRROR_KEY="sb_secret_mirror")
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(autouse=True)
def _everything_was_sent(bank: Bank) -> None:
    bank.sql("UPDATE app.credits_transactions SET synced_at = now()")


def unsent(bank: Bank) -> int:
    (row,) = bank.sql("SELECT count(*) FROM app.credits_transactions WHERE synced_at IS NULL")
    return int(row[0])


def test_new_entries_are_sent_once(bank: Bank, sink: Sink) -> None:
    person = bank.person(5)
    wanted = unsent(bank)
    assert bank.do(mirror.send_batch) == wanted
    assert bank.do(mirror.send_batch) == 0
    path, headers = sink.requests[0]
    assert path == "/rest/v1/entries?on_conflict=id"
    assert headers["prefer"].startswith("resolution=merge-duplicates")
    assert (headers["apikey"], headers["authorization"]) == (
        "sb_secret_mirror", "Bearer sb_secret_mirror"
    )  # fmt: skip
    assert len(sink.rows) == sink.received == wanted
    last = max(sink.rows.values(), key=lambda row: row["position"])
    assert (last["user_id"], last["kind"], last["amount"]) == (str(person), "addition", 5)
    assert "synced_at" not in last


@pytest.mark.parametrize("failure", ["before", "after"])
def test_entries_are_sent_again_after_a_failure_and_stored_once(
    bank: Bank, sink: Sink, failure: str
) -> None:
    bank.person(5)
    wanted = unsent(bank)
    sink.failures = [failure, failure]
    for _ in range(2):
        with pytest.raises(httpx.HTTPStatusError):
            bank.do(mirror.send_batch)
        assert unsent(bank) == wanted
    bank.do(mirror.send_batch)
    assert len(sink.rows) == wanted
    assert unsent(bank) == 0


def test_concurrent_runs_send_different_entries(
    bank: Bank, sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = bank.person()
    bank.sql("UPDATE app.credits_transactions SET synced_at = now()")
    for _ in range(20):
        bank.do(entries.grant, person, 1, "Drop")
    with bank.session() as first:
        assert mirror.send_batch(first) == 20
        assert bank.do(mirror.send_batch) == 0
        first.rollback()
    with ThreadPoolExecutor(2) as pool:
        assert sum(pool.map(lambda _: bank.do(mirror.send_batch), range(2))) == 20
    assert len(sink.rows) == 20


def test_without_a_url_nothing_is_sent(bank: Bank) -> None:
    bank.person(5)
    assert not mirror.is_configured()
    assert bank.do(mirror.send_batch) == 0
    assert unsent(bank) > 0
