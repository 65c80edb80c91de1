"""Tasks per second of the rendered project's worker, as a ratio to a bare Celery application.

Each worker is given a full queue, and the time counts in which it takes the middle four fifths:
neither its start nor who fills the queue is measured. They take turns, run after run, so that
whatever else the machine does meets all; one run of each is one ratio.
"""

import argparse
import os
import socket
import statistics
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from project import HERE, child, load_average, project_folder, python_of, services
from startup import children, megabytes
from throughput import processor_seconds as seconds_of

PATHS = {"bare": "bare_tasks", "send": "project_tasks", "enqueue": "project_tasks"}
QUEUES = {"bare_tasks": "celery", "project_tasks": "app:celery"}
DRAIN_SECONDS = 120.0
# One transaction after the other, and a hundred tasks in each.
BATCHES = (1, 100)


@dataclass(frozen=True)
class Run:
    """One worker and one queue."""

    per_second: float
    processor_us: float  # of the worker and its children, for each task
    megabytes: float  # proportional


class Stage:
    """The rendered project with its services."""

    def __init__(self, project: Path, environment: dict[str, str]) -> None:
        self.project = project
        self.environment = environment | {"PYTHONPATH": f"{HERE}:{project}", "LOG_LEVEL": "warning"}
        address = urlsplit(environment["REDIS_URL"])
        assert address.hostname
        connection = socket.create_connection((address.hostname, address.port or 6379))
        self._redis = connection.makefile("rwb")
        self.redis(f"AUTH {address.password}")

    def redis(self, command: str) -> str:
        """Send a command whose answer is one line; this Python knows no client."""
        self._redis.write(f"{command}\r\n".encode())
        self._redis.flush()
        return self._redis.readline().decode().strip()

    def fill(self, path: str, task: str, count: int, batch: int = 100) -> float:
        """Put tasks into the queue of a worker that does not run; seconds for each."""
        self.redis("FLUSHALL")
        how = "send" if path == "bare" else path
        more = [str(batch)] if path == "enqueue" else []
        command = [python_of(self.project), str(HERE / f"{PATHS[path]}.py"), how, task, str(count)]
        run = subprocess.run(
            [*command, *more],
            cwd=self.project,
            env=os.environ | self.environment,
            check=True,
            stdout=subprocess.PIPE,
        )
        return float(run.stdout) / count

    def drain(self, path: str) -> Run:
        """Let a worker empty the queue."""
        module = PATHS[path]
        queue = QUEUES[module]
        options = ["worker", "--concurrency=2", "--loglevel=warning"]
        options += ["--without-mingle", "--without-gossip", "--without-heartbeat"]
        command = [python_of(self.project), "-m", "celery", "-A", module, *options]
        full = self.waiting(queue)
        with (
            tempfile.TemporaryFile() as log,
            child(command, self.project, self.environment, stdout=log, stderr=log) as process,
        ):
            first, started = self.falls_to(queue, full * 9 // 10)
            before = processor_seconds(process.pid)
            last, ended = self.falls_to(queue, full // 10)
            used = processor_seconds(process.pid) - before
            memory = megabytes(process.pid)[1]
            self.falls_to(queue, 0)
            log.seek(0)
            if b"unregistered" in log.read():
                raise SystemExit(f"{module} threw the tasks away instead of running them.")
        done = first - last
        return Run(done / (ended - started), used / done * 1e6, memory)

    def waiting(self, queue: str) -> int:
        """Messages in a queue."""
        return int(self.redis(f"LLEN {queue}").lstrip(":"))

    def falls_to(self, queue: str, level: int) -> tuple[int, float]:
        """Wait until no more messages wait; how many do, and when that was.

        Raises:
            SystemExit: the worker does not get there.
        """
        deadline = time.monotonic() + DRAIN_SECONDS
        while (left := self.waiting(queue)) > level:
            if time.monotonic() > deadline:
                raise SystemExit(f"{left} messages are left in {queue}: the worker stands still.")
            time.sleep(0.005)
        return left, time.perf_counter()


def processor_seconds(pid: int) -> float:
    """Processor time that a worker and its children have used."""
    return sum(seconds_of(each) for each in (pid, *children(pid)))


def main() -> None:
    """Measure and print two tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--project", type=Path, help="a rendered project; default: render one")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--tasks", type=int, default=3000, help="in one run of a worker")
    options = parser.parse_args()
    with project_folder(options.project) as project, services(project) as given:
        stage = Stage(project, given.environment)
        print("| | tasks/s | ratio to bare (quartiles) | ratio of CPU | memory |")
        print("|---|---:|---:|---:|---:|")
        for task in ("noop", "database"):
            workers(stage, task, options.rounds, options.tasks)
        print("\n| | a second | ms each |\n|---|---:|---:|")
        handing_over(stage, options.rounds, options.tasks)
        print(f"\n{load_average()}")


def workers(stage: Stage, task: str, rounds: int, count: int) -> None:
    """Print a row for each way that tasks come."""
    runs: dict[str, list[Run]] = {path: [] for path in PATHS}
    for _ in range(rounds):
        for path, measured in runs.items():
            stage.fill(path, task, count)
            measured.append(stage.drain(path))
    for path, measured in runs.items():
        rate = statistics.median(each.per_second for each in measured)
        memory = statistics.median(each.megabytes for each in measured)
        pairs = list(zip(measured, runs["bare"], strict=True))
        low, middle, high = statistics.quantiles(
            (ours.per_second / theirs.per_second for ours, theirs in pairs), n=4
        )
        processor = statistics.median(
            theirs.processor_us / ours.processor_us for ours, theirs in pairs
        )
        ratios = f"**{middle:.2f}** ({low:.2f}–{high:.2f}) | {processor:.2f}"
        cells = ratios if path != "bare" else " | "
        print(f"| {task}, {path} | {rate:,.0f} | {cells} | {memory:.0f} MB |", flush=True)


def handing_over(stage: Stage, rounds: int, count: int) -> None:
    """Print what it costs to hand a task over, each way."""
    ways = [("bare", 1), ("send", 1), *(("enqueue", batch) for batch in BATCHES)]
    seconds: dict[tuple[str, int], list[float]] = {way: [] for way in ways}
    for _ in range(rounds):
        for (path, batch), measured in seconds.items():
            measured.append(stage.fill(path, "noop", count, batch))
    for (path, batch), measured in seconds.items():
        name = f"{path}, {batch} in a transaction" if path == "enqueue" else path
        each = statistics.median(measured)
        print(f"| {name} | {1 / each:,.0f} | {each * 1000:.2f} |", flush=True)


if __name__ == "__main__":
    main()
