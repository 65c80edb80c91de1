"""Records what the API, each process of a worker, and beat do."""

import importlib
import pkgutil
from collections.abc import Iterator
from contextlib import contextmanager

from app.core import context
from app.core.process import Kind
from devstack.devpage.recorder import facts, libraries, log_lines, privacy, runs, sender
from devstack.devpage.recorder.entry import page


@contextmanager
def run(kind: Kind, name: str | None) -> Iterator[None]:  # noqa: ARG001 - of the protocol
    """Record until the process ends. Commands are not recorded."""
    if kind == "command":
        yield
        return
    privacy.know(facts.secrets())
    sender.start()
    for found in pkgutil.iter_modules(libraries.__path__):
        importlib.import_module(f"{libraries.__name__}.{found.name}").install()
    log_lines.install()
    runs.install()
    if kind == "beat":
        runs.watch_scheduler()
    context.IDS["page"] = page
    try:
        yield
    finally:
        del context.IDS["page"]
        sender.flush()
