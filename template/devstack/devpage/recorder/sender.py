"""Sends records to the development page in the background, and drops them when it is down."""

import json
import os
import threading
import time
from collections import deque
from http.client import HTTPConnection, HTTPException
from typing import Any

from devstack.devpage.recorder import privacy

WAITING = 20_000  # records; the oldest are dropped
BATCH = 500
PAUSE = 0.05  # seconds in which records are collected
PAUSE_DOWN = 1.0
TIMEOUT = 2.0
# A status of the page: it has the records, and nobody has told it the facts.
LACKS_FACTS = 205

Record = dict[str, Any]

_waiting: deque[tuple[Record, tuple[str, ...]]] = deque(maxlen=WAITING)
# What a page that has started anew has to learn again.
_facts: list[Record] = []
_wake = threading.Event()


def send(kind: str, *, secrets: tuple[str, ...] = (), **fields: Any) -> None:
    """Send a record soon, without these secrets; it never blocks and never raises."""
    _waiting.append(({"kind": kind, "at": time.time(), **fields}, secrets))
    _wake.set()


def send_facts(**fields: Any) -> None:
    """Send what is true of the project as long as this process lives."""
    _facts[:] = [{"kind": "facts", "at": time.time(), **fields}]
    _send_again()


def _send_again() -> None:
    _waiting.extend((each, ()) for each in _facts)
    _wake.set()


def start() -> None:
    """Start to send, in the process that calls it; a fork inherits no thread."""
    _waiting.clear()
    threading.Thread(target=_run, name="devpage", daemon=True).start()


def flush(seconds: float = 0.5) -> None:
    """Wait until everything is sent, at the end of a process."""
    deadline = time.monotonic() + seconds
    while _waiting and time.monotonic() < deadline:
        time.sleep(0.01)


def _run() -> None:
    port, key = int(os.environ["DEV_PAGE_PORT"]), os.environ["DEV_PAGE_KEY"]
    connection = HTTPConnection("127.0.0.1", port, timeout=TIMEOUT)
    while True:
        _wake.wait()
        time.sleep(PAUSE)
        _wake.clear()
        while _waiting:
            batch = [_waiting[index] for index in range(min(BATCH, len(_waiting)))]
            answer = _post(connection, key, _body(batch))
            if answer is None:
                _waiting.clear()
                time.sleep(PAUSE_DOWN)
                continue
            for _ in batch:
                if _waiting:
                    _waiting.popleft()
            # Not after facts that the page did not accept: this loop would not end.
            if answer == LACKS_FACTS and all(fields["kind"] != "facts" for fields, _ in batch):
                _send_again()


def _body(batch: list[tuple[Record, tuple[str, ...]]]) -> bytes:
    # Cleaned here and not by the request, which would take longer for it.
    return f"[{','.join(_json(fields, secrets) for fields, secrets in batch)}]".encode()


def _json(fields: Record, secrets: tuple[str, ...]) -> str:
    try:
        record = privacy.cleaned(fields, secrets)
        # A value that JSON does not know is a mistake of the recorder.
        return json.dumps(record, default=lambda value: type(value).__name__)
    except Exception as error:  # noqa: BLE001 - one record must not end the thread
        text = f"This {fields['kind']} cannot be shown: {type(error).__name__}."
        shown = {"kind": "log", "level": "warning", "logger": __name__, "text": text, "fields": {}}
        return json.dumps({**shown, "at": fields["at"], "entry": fields.get("entry")})


def _post(connection: HTTPConnection, key: str, body: bytes) -> int | None:
    """Return the status of the answer, None if the page has not taken the records."""
    for _ in range(2):  # the server may just have closed a connection that was idle
        try:
            connection.request("POST", "/records", body, {"X-Devpage-Key": key})
            response = connection.getresponse()
            response.read()
        except (OSError, HTTPException):
            connection.close()
        else:
            return response.status if response.status < 300 else None
    return None
