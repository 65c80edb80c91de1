"""The numbers of other features, by their `metrics.py`.

    COUNTERS = (Counter("app_orders_paid_total", "Paid orders", "plan", ("monthly", "yearly")),)

    async def collect(reader: Reader) -> list[Metric]: ...

Both are optional. `collect` reads what is stored anyway, and runs at most once in `SECONDS` in a
process, because it may count the rows of a table.
"""

from collections.abc import Awaitable, Callable, Iterator

from cachetools import TTLCache
from prometheus_client.core import CounterMetricFamily, Metric

from app.core.database import Reader
from app.core.features import load
from app.core.logging import get_logger
from app.extensions.metrics.families import Numbers
from app.extensions.metrics.recorder import COUNT, Counter

SECONDS = 60.0

log = get_logger(__name__)

_collected: TTLCache[str, list[Metric]] = TTLCache(100, ttl=SECONDS)


def counters(numbers: Numbers) -> Iterator[Metric]:
    """Make the counters from their numbers, those that nobody has counted yet with 0."""
    for _, module in load("metrics"):
        declared: tuple[Counter, ...] = getattr(module, "COUNTERS", ())
        for counter in declared:
            labels = [counter.label] if counter.label else []
            family = CounterMetricFamily(counter.name, counter.help, labels=labels)
            found = {value: parts[COUNT] for (value,), parts in numbers[counter.name].items()}
            for value, number in sorted({**dict.fromkeys(counter.values, 0.0), **found}.items()):
                family.add_metric([value] if labels else [], number)
            yield family


async def collected(reader: Reader) -> list[Metric]:
    """Return what features collect. The metrics of one that fails are missing."""
    found: list[Metric] = []
    for feature, module in load("metrics"):
        collect: Callable[[Reader], Awaitable[list[Metric]]] | None
        collect = getattr(module, "collect", None)
        if collect and feature.name not in _collected:
            try:
                _collected[feature.name] = await collect(reader)
            except Exception:
                log.exception("metrics_not_collected", feature=feature.name)
        found += _collected.get(feature.name, [])
    return found


def forget() -> None:
    """Collect again at the next request, for tests."""
    _collected.clear()
