"""How often the cache helps."""

import asyncio

from prometheus_client.core import CounterMetricFamily, Metric

from app.core.database import Reader
from app.extensions.cache.store import STORE_OF_PROCESS


async def collect(_: Reader) -> list[Metric]:
    """Add up hits and misses of all functions."""
    counts = (await asyncio.to_thread(STORE_OF_PROCESS.counts)).values()
    family = CounterMetricFamily("app_cache_reads", "Reads of the cache", labels=["outcome"])
    family.add_metric(["hit"], float(sum(hits for hits, _ in counts)))
    family.add_metric(["miss"], float(sum(misses for _, misses in counts)))
    return [family]
