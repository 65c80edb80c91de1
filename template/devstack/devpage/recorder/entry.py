"""The request or the run of a task that the running code belongs to."""

import os
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Literal
from uuid import uuid4

from devstack.devpage.recorder import sender

# The end of an id, as in the log lines of a terminal: ids begin with the time, and start alike.
SHORT = 8


@dataclass(frozen=True)
class Entry:
    """One request, or one run of a task."""

    kind: Literal["requests", "tasks"]
    # What a person sees in an address: the id of the request or of the task.
    shown: str
    # Unlike `shown`: clients can choose the ids of requests, and several runs have one task.
    id: str = field(default_factory=lambda: uuid4().hex)
    # Values that must not be recorded, such as the token of the request.
    secrets: tuple[str, ...] = ()


current: ContextVar[Entry | None] = ContextVar("devpage_entry", default=None)


def page() -> str | None:
    """Return the address of the running request or task on the development page."""
    entry = current.get()
    if entry is None:
        return None
    return f"http://127.0.0.1:{os.environ['DEV_PAGE_PORT']}/{entry.kind}/{entry.shown[-SHORT:]}"


def record(kind: str, **fields: Any) -> None:
    """Record something that the running request or task did; nothing if there is none."""
    entry = current.get()
    if entry is not None:
        sender.send(kind, entry=entry.id, secrets=entry.secrets, **fields)
