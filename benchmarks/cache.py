"""Requests per second of cached lists, as ratios to the same lists without a cache.

Each list is served twice, with CACHE_ENABLED and without, and both servers are asked in turns. One
list is that of items, cached for each user by a module that this benchmark adds to the project. The
other one is the same list with plain SQLModel in a `DatabaseSession` (`newcomer.py`).
"""

import argparse
import statistics
from pathlib import Path

from load import Call
from project import HERE, load_average, project_folder, server, services
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


LISTS = {
    "items": ("app.main:app", "."),
    "items, as a newcomer writes it": ("newcomer_cached:app", str(HERE)),
}


def compare(project: Path, options: argparse.Namespace) -> None:
    """Run two servers for each list, and print a row for each number of connections."""
    print(
        "| | connections | hits/s | without cache | ratio (quartiles) | CPU µs | without cache "
        "| ratio of CPU |\n|---|" + "---:|" * 7
    )
    with services(project) as given:
        call = Call(PATH, given.token)
        for name, where in LISTS.items():
            with (
                server(project, given.environment | {"CACHE_ENABLED": "true"}, *where) as cached,
                server(project, given.environment | {"CACHE_ENABLED": "false"}, *where) as plain,
            ):
                for connections in options.connections:
                    rounds: list[tuple[Round, Round]] = []
                    for number in range(options.rounds + 1):
                        seconds = options.seconds if number else WARM_UP
                        pair = [
                            measure(*which, call, connections, seconds) for which in (cached, plain)
                        ]
                        if number:
                            rounds.append((pair[0], pair[1]))
                    print(row(name, connections, rounds), flush=True)
        print(f"\n{load_average()}")


def row(name: str, connections: int, rounds: list[tuple[Round, Round]]) -> str:
    """One row of the table: medians over the rounds."""
    sides = [*zip(*rounds, strict=True)]
    cells = [name, str(connections)]
    cells += [f"{statistics.median(each.per_second for each in side):,.0f}" for side in sides]
    low, middle, high = statistics.quantiles(
        (one.per_second / other.per_second for one, other in rounds), n=4
    )
    cells.append(f"**{middle:.2f}** ({low:.2f}–{high:.2f})")
    cells += [f"{statistics.median(each.processor_us for each in side):,.0f}" for side in sides]
    shares = (other.processor_us / one.processor_us for one, other in rounds)
    cells.append(f"{statistics.median(shares):.2f}")
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
