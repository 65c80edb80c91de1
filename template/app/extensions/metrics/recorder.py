"""Measurements of this process, which a thread adds to those of all processes in Redis.

A field of the hash in Redis is one number: a bucket of a histogram, or the sum of its values. So
any process can answer for all, the numbers survive a restart, and a request waits for nothing.
"""

import collections
import json
import math
import os
import socket
import threading
import time
from bisect import bisect_left
from collections.abc import Callable
from typing import NamedTuple

from redis import RedisError

from app.core.redis import redis_key, store

TOTALS = "metrics"  # hash: field -> number
PROCESSES = "metrics:processes"  # hash: process -> JSON of what it reports about itself
EVERY = 5.0  # seconds between two writes
SILENT = 3 * EVERY  # seconds after which a process counts as ended
SUM = "sum"
COUNT = "count"


class Histogram(NamedTuple):
    """A histogram of seconds."""

    name: str
    help: str
    labels: tuple[str, ...]
    buckets: tuple[float, ...]

    @property
    def bounds(self) -> tuple[float, ...]:
        """The upper bounds of all buckets."""
        return (*self.buckets, math.inf)


REQUESTS = Histogram(
    "app_http_request_duration_seconds",
    "Time from the first byte of a request to the last one of its response",
    ("method", "route", "status"),
    (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0),
)
TASKS = Histogram(
    "app_task_duration_seconds",
    "Time of one run of a task; outcome is success, failure, retry or skipped",
    ("task", "outcome"),
    (0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 30.0, 60.0, 300.0, 600.0),
)


class Counter(NamedTuple):
    """A number that a feature counts by `app.core.counters`, and declares in its `metrics.py`."""

    name: str  # ends with _total
    help: str
    label: str = ""
    values: tuple[str, ...] = ("",)  # of the label, that are shown from the start


HISTOGRAMS = {histogram.name: histogram for histogram in (REQUESTS, TASKS)}


class Recorder:
    """The numbers that this process has not written yet."""

    def __init__(self) -> None:
        self._numbers: collections.Counter[str] = collections.Counter()
        self._lock = threading.Lock()

    def observe(self, histogram: Histogram, labels: tuple[str, ...], seconds: float) -> None:
        """Add one value."""
        place = bisect_left(histogram.buckets, seconds)
        bucket = str(histogram.bounds[place])
        with self._lock:
            self._numbers[field(histogram, labels, bucket)] += 1
            self._numbers[field(histogram, labels, SUM)] += seconds  # type: ignore[assignment]

    def count(self, name: str, label: str, number: int) -> None:
        """Add to a counter."""
        with self._lock:
            self._numbers[part_of(name, (label,), COUNT)] += number

    def take(self) -> "collections.Counter[str]":
        """Return the numbers, and start again."""
        with self._lock:
            numbers, self._numbers = self._numbers, collections.Counter()
        return numbers

    def give_back(self, numbers: "collections.Counter[str]") -> None:
        """Keep numbers that could not be written."""
        with self._lock:
            self._numbers.update(numbers)


recorder = Recorder()


def field(histogram: Histogram, labels: tuple[str, ...], part: str) -> str:
    """Name a number: the upper bound of a bucket, or `SUM`."""
    return part_of(histogram.name, labels, part)


def part_of(name: str, labels: tuple[str, ...], part: str) -> str:
    """Name a number of any metric."""
    return json.dumps([name, labels, part], separators=(",", ":"))


class Writer:
    """Writes the measurements of this process to Redis, from a thread."""

    def __init__(self, kind: str, pool: Callable[[], tuple[int, int]]) -> None:
        self._kind, self._pool = kind, pool
        self._name = f"{socket.gethostname()}:{os.getpid()}"
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, name="metrics", daemon=True)

    def __enter__(self) -> "Writer":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()

    def _run(self) -> None:
        ended = False
        while not ended:
            ended = self._end.wait(EVERY)
            self._write(ended=ended)

    def _write(self, *, ended: bool) -> None:
        numbers = recorder.take()
        used, size = self._pool()
        me = {"at": time.time(), "kind": self._kind, "used": used, "size": size}
        try:
            with store().pipeline(transaction=False) as pipeline:
                for name, number in numbers.items():
                    pipeline.hincrbyfloat(redis_key(TOTALS), name, number)
                if ended:
                    pipeline.hdel(redis_key(PROCESSES), self._name)
                else:
                    pipeline.hset(redis_key(PROCESSES), self._name, json.dumps(me))
                pipeline.execute()
        except RedisError:
            # Some may have been written. Counting a few twice is better than losing a minute.
            recorder.give_back(numbers)
