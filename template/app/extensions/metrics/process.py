"""Measures in a process, if there is a token."""

from collections.abc import Iterator
from contextlib import contextmanager

from app.core.process import Kind
from app.core.settings import load_settings
from app.extensions.metrics import pools
from app.extensions.metrics.recorder import Writer
from app.extensions.metrics.settings import MetricsSettings
from app.extensions.metrics.task_runs import connect


@contextmanager
def run(kind: Kind, _: str | None) -> Iterator[None]:
    """Write what the API and workers measure, until the process ends."""
    if load_settings(MetricsSettings).token is None or kind not in ("api", "worker"):
        yield
        return
    if kind == "worker":
        connect()
        pools.engines = pools.of_worker
    with Writer(kind, pools.connections):
        yield
