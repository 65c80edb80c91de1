"""The check that `app doctor` runs for this feature."""

import json
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from app.core.cli.errors import CliError
from app.core.redis import redis_key, store
from app.core.settings import load_settings
from app.extensions.metrics.recorder import PROCESSES, SILENT
from app.extensions.metrics.settings import MetricsSettings


def reporting() -> str:
    """Count the processes that have reported in the last seconds.

    Raises:
        CliError: there is none.
    """
    if load_settings(MetricsSettings).token is None:
        return "off, because METRICS_TOKEN is not set"
    found: Any = store().hvals(redis_key(PROCESSES))
    alive = [each for each in map(json.loads, found) if time.time() - each["at"] < SILENT]
    if not alive:
        raise CliError("no process reports: start the API or a worker with the same METRICS_TOKEN.")
    counts = Counter(each["kind"] for each in alive)
    return ", ".join(f"{count} {kind}" for kind, count in sorted(counts.items()))


CHECKS: dict[str, Callable[[], str]] = {"metrics": reporting}
