"""Requests per second of the API, as a ratio to a hand-written app of the same answers.

Three processes run at once and are asked in turns, round after round, so that whatever else the
machine does meets all of them: the template's own routes, the same routes as a newcomer writes
them (`newcomer.py`), and `handwritten.py`, which says what is compared.
"""

import argparse
import os
import statistics
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from load import Call, run_load
from project import HERE, Services, load_average, project_folder, server, services

# Differ from answer to answer by their nature.
VOLATILE = ("date", "x-request-id")
WARM_UP = 1.0  # seconds
TICKS = os.sysconf("SC_CLK_TCK")  # of processor time, per second


@dataclass(frozen=True)
class Round:
    """One measurement of one server."""

    per_second: float
    p50_ms: float
    p99_ms: float
    processor_us: float  # of the server, per request
    generator_share: float


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--project", type=Path, help="a rendered project; default: render one")
    parser.add_argument("--preset", default="minimal", help="of the project that is rendered")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=2.0, help="of one measurement")
    parser.add_argument("--connections", type=int, nargs="+", default=[4, 16])
    options = parser.parse_args()
    with (
        # The other two APIs have items of users.
        project_folder(options.project, preset=options.preset, organizations=False) as project,
        services(project) as given,
        server(project, given.environment) as ours,
        server(project, given.environment, "newcomer:app", str(HERE)) as newcomer,
        server(project, given.environment, "handwritten:app", str(HERE)) as theirs,
    ):
        calls = calls_of(given)
        for call in calls.values():
            if call.method == "GET":
                compare(call, ours[1], theirs[1])
                compare(call, newcomer[1], theirs[1])
        print(
            "| | connections | req/s | p50 ms | p99 ms | CPU µs | hand-written req/s | p50 ms "
            "| p99 ms | CPU µs | ratio of req/s (quartiles) | ratio of CPU |\n|---|" + "---:|" * 11
        )
        shares = []
        for connections in options.connections:
            for name, call in calls.items():
                servers = {name: ours, f"{name}, as a newcomer writes it": newcomer}
                rounds: dict[str, list[tuple[Round, Round]]] = {each: [] for each in servers}
                for number in range(options.rounds + 1):
                    seconds = options.seconds if number else WARM_UP
                    hand = measure(*theirs, call, connections, seconds)
                    for title, which in servers.items():
                        measured = measure(*which, call, connections, seconds)
                        if number:
                            rounds[title].append((measured, hand))
                for title, pairs in rounds.items():
                    print(row(title, connections, pairs), flush=True)
                    shares += [each.generator_share for pair in pairs for each in pair]
        print(f"\n{load_average()} The generator used at most {max(shares):.0%} of a core.")


def calls_of(given: Services) -> dict[str, Call]:
    """What is measured, by its title.

    Raises:
        SystemExit: the items of the project do not belong to users.
    """
    if not given.item:
        raise SystemExit("The items of this project belong to organizations: render it without.")
    items = "/api/v1/items"
    return {
        "items, 20 of 1,000 with total": Call(items, given.token),
        "one item": Call(f"{items}/{given.item}", given.token),
        "add an item": Call(items, given.writer, "POST", '{"title":"Tea","notes":"Green"}'),
        "users/me": Call("/api/v1/users/me", given.token),
    }


def measure(pid: int, port: int, call: Call, connections: int, seconds: float) -> Round:
    """Load one server for some seconds."""
    before = processor_seconds(pid)
    load = run_load(port, call, connections=connections, seconds=seconds)
    used = processor_seconds(pid) - before
    return Round(
        load.requests / load.seconds,
        load.p50_ms,
        load.p99_ms,
        used / load.requests * 1e6,
        load.processor_share,
    )


def processor_seconds(pid: int) -> float:
    """Processor time that a process has used, in user and in system mode."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def compare(call: Call, ours: int, theirs: int) -> None:
    """Make sure that both answer the same body and the same headers.

    Raises:
        SystemExit: they do not.
    """
    given = []
    for port in (ours, theirs):
        request = urllib.request.Request(
            f"http://127.0.0.1:{port}{call.path}",
            headers={"Authorization": f"Bearer {call.token}"},
        )
        with urllib.request.urlopen(request) as answer:
            headers = {name.lower(): value for name, value in answer.headers.items()}
            given.append(({k: v for k, v in headers.items() if k not in VOLATILE}, answer.read()))
    if given[0] != given[1]:
        raise SystemExit(f"The answers to {call.path} differ:\n{given[0]}\n{given[1]}")


def row(name: str, connections: int, rounds: list[tuple[Round, Round]]) -> str:
    """One row of the table: medians over the rounds, and of the ratios within each round."""
    cells = [name, str(connections)]
    for side in zip(*rounds, strict=True):
        cells.append(f"{statistics.median(each.per_second for each in side):,.0f}")
        cells.append(f"{statistics.median(each.p50_ms for each in side):.1f}")
        cells.append(f"{statistics.median(each.p99_ms for each in side):.1f}")
        cells.append(f"{statistics.median(each.processor_us for each in side):,.0f}")
    low, middle, high = statistics.quantiles(
        (ours.per_second / theirs.per_second for ours, theirs in rounds), n=4
    )
    cells.append(f"**{middle:.2f}** ({low:.2f}–{high:.2f})")
    processor = statistics.median(
        theirs.processor_us / ours.processor_us for ours, theirs in rounds
    )
    cells.append(f"{processor:.2f}")
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
