"""Requests per second of a cached list, as a ratio to the same list without a cache.

The same project runs twice, with CACHE_ENABLED and without, and is asked in turns. The list is that
of items, cached for each user by a module that this benchmark adds to the project.
"""

import argparse
import statistics
from pathlib import Path

from load import Call
from project import load_average, project_folder, server, services
from throughput import WARM_UP, Round, measure

PATH = "/api/v1/items"
CACHED = '''"""Cached routes of this feature."""

from app.extensions.cache.service import Cached

CACHED = {"list_items": Cached(expires=3600, tags=("items",))}
'''


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--project", type=Path, help="a rendered project; default: render one")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--seconds", type=float, default=2.0, help="of one measurement")
    parser.add_argument("--connections", type=int, nargs="+", default=[1, 4, 16])
    options = parser.parse_args()
    with project_folder(options.project, cache=True) as project:
        module = project / "app" / "features" / "items" / "cache.py"
        module.write_text(CACHED)
        try:
            compare(project, options)
        finally:
            module.unlink()


def compare(project: Path, options: argparse.Namespace) -> None:
    """Run both servers, and print a row for each number of connections."""
    with (
        services(project) as given,
        server(project, given.environment | {"CACHE_ENABLED": "true"}) as cached,
        server(project, given.environment | {"CACHE_ENABLED": "false"}) as plain,
    ):
        call = Call(PATH, given.token)
        print(
            "| connections | hits/s | without cache | ratio (quartiles) | CPU µs | without cache |"
            "\n|---:|" + "---:|" * 5
        )
        for connections in options.connections:
            rounds: list[tuple[Round, Round]] = []
            for number in range(options.rounds + 1):
                seconds = options.seconds if number else WARM_UP
                pair = [measure(*which, call, connections, seconds) for which in (cached, plain)]
                if number:
                    rounds.append((pair[0], pair[1]))
            print(row(connections, rounds), flush=True)
        print(f"\n{load_average()}")


def row(connections: int, rounds: list[tuple[Round, Round]]) -> str:
    """One row of the table: medians over the rounds."""
    sides = [*zip(*rounds, strict=True)]
    cells = [str(connections)]
    cells += [f"{statistics.median(each.per_second for each in side):,.0f}" for side in sides]
    low, middle, high = statistics.quantiles(
        (one.per_second / other.per_second for one, other in rounds), n=4
    )
    cells.append(f"**{middle:.2f}** ({low:.2f}–{high:.2f})")
    cells += [f"{statistics.median(each.processor_us for each in side):,.0f}" for side in sides]
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
