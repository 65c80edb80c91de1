"""Requests per second of the API, as a ratio to a hand-written app of the same answers.

Both run at the same time as one process each, and are asked in turns, round after round: whatever
else the machine does meets both. See `handwritten.py` for what is compared.
"""

import argparse
import statistics
import time
from pathlib import Path

from benchmarks.load import Load, run_load
from benchmarks.project import HERE, api, get, project_folder, services

PATHS = {"items, 20 of 1,000 with total": "/api/v1/items", "users/me": "/api/v1/users/me"}
# Differ from answer to answer by their nature.
VOLATILE = ("date", "x-request-id")
WARM_UP = 1.0  # seconds


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--project", type=Path, help="a rendered project; default: render one")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=3.0, help="of one measurement")
    parser.add_argument("--connections", type=int, default=16)
    options = parser.parse_args()
    with (
        project_folder(options.project) as project,
        services(project) as given,
        api(project, given.environment) as (_, template),
        api(project, given.environment, "handwritten:app", HERE) as (_, handwritten),
    ):
        for path in PATHS.values():
            compare(path, template, handwritten, given.token)
        print(f"load before: {Path('/proc/loadavg').read_text().split()[0]}")
        print("| | template req/s | p50 ms | hand-written req/s | p50 ms | ratio (range) |")
        print("|---|---|---|---|---|---|")
        for name, path in PATHS.items():
            ours, theirs = [], []
            for port in (template, handwritten):
                run_load(port, path, given.token, connections=options.connections, seconds=WARM_UP)
            for _ in range(options.rounds):
                for port, results in ((template, ours), (handwritten, theirs)):
                    results.append(
                        run_load(
                            port,
                            path,
                            given.token,
                            connections=options.connections,
                            seconds=options.seconds,
                        )
                    )
            print(row(name, ours, theirs), flush=True)


def compare(path: str, template: int, handwritten: int, token: str) -> None:
    """Make sure that both answer the same, to the byte.

    Raises:
        SystemExit: they do not.
    """
    answers = []
    for port in (template, handwritten):
        headers, body = get(f"http://127.0.0.1:{port}{path}", token)
        answers.append(({k: v for k, v in headers.items() if k not in VOLATILE}, body))
    if answers[0] != answers[1]:
        raise SystemExit(f"The answers to {path} differ:\n{answers[0]}\n{answers[1]}")


def row(name: str, ours: list[Load], theirs: list[Load]) -> str:
    """One row of the table: medians over the rounds, the ratio of each round by itself."""
    ratios = sorted(a.per_second / b.per_second for a, b in zip(ours, theirs, strict=True))
    cells = [name]
    for loads in (ours, theirs):
        cells.append(f"{statistics.median(load.per_second for load in loads):,.0f}")
        cells.append(f"{statistics.median(load.p50_ms for load in loads):.1f}")
    cells.append(f"**{statistics.median(ratios):.2f}** ({ratios[0]:.2f}–{ratios[-1]:.2f})")
    return "| " + " | ".join(cells) + " |"


if __name__ == "__main__":
    main()
