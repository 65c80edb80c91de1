"""Microseconds that the option `limits` adds to a request: of processor time, and of waiting.

The same project runs twice, with limits and without, and is asked in turns. No request is refused.
"""

import argparse
import statistics
from pathlib import Path

from load import Call
from project import load_average, project_folder, server, services
from throughput import WARM_UP, Round, measure

PATH = "/api/v1/users/me"


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--project", type=Path, help="a rendered project; default: render one")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--seconds", type=float, default=2.0, help="of one measurement")
    parser.add_argument("--connections", type=int, nargs="+", default=[1, 4, 16])
    options = parser.parse_args()
    with (
        project_folder(options.project, limits=True) as project,
        services(project) as given,
        server(project, given.environment) as limited,
        server(project, given.environment | {"LIMITS_ENABLED": "false"}) as free,
    ):
        print(
            "| connections | req/s | without limits | ratio | CPU µs | without limits "
            "| added CPU µs (quartiles) |\n|---:|" + "---:|" * 6
        )
        for connections in options.connections:
            rounds: list[tuple[Round, Round]] = []
            for number in range(options.rounds + 1):
                seconds = options.seconds if number else WARM_UP
                pair = [
                    measure(*which, Call(PATH, given.token), connections, seconds)
                    for which in (limited, free)
                ]
                if number:
                    rounds.append((pair[0], pair[1]))
            print(row(connections, rounds), flush=True)
        print(f"\n{load_average()}")


def row(connections: int, rounds: list[tuple[Round, Round]]) -> str:
    """One row of the table: medians over the rounds."""
    ours, theirs = zip(*rounds, strict=True)
    cells = [str(connections)]
    cells += [
        f"{statistics.median(each.per_second for each in side):,.0f}" for side in (ours, theirs)
    ]
    ratio = statistics.median(one.per_second / other.per_second for one, other in rounds)
    cells.append(f"{ratio:.2f}")
    cells += [
        f"{statistics.median(each.processor_us for each in side):,.0f}" for side in (ours, theirs)
    ]
    low, middle, high = statistics.quantiles(
        (one.processor_us - other.processor_us for one, other in rounds), n=4
    )
    cells.append(f"**{middle:,.0f}** ({low:,.0f}–{high:,.0f})")
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
