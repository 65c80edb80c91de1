"""Requests per second with an API key, as a ratio to those with an access token.

One process of a project with the option `api_keys` is asked for `users/me`, in turns with each.
"""

import argparse
import statistics
from pathlib import Path

from load import Call
from project import load_average, project_folder, run, server, services
from throughput import WARM_UP, Round, measure

PATH = "/api/v1/users/me"
# Of the user to whom the access token belongs.
CREATE = ("api-keys", "create", "user1@example.com", "--name", "Benchmark", "--scope", "users:read")


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--project", type=Path, help="a rendered project; default: render one")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--seconds", type=float, default=2.0, help="of one measurement")
    parser.add_argument("--connections", type=int, nargs="+", default=[1, 4, 16])
    options = parser.parse_args()
    with (
        project_folder(options.project, api_keys=True) as project,
        services(project) as given,
        server(project, given.environment) as serving,
    ):
        command = ["uv", "run", "--quiet", "app", *CREATE]
        key = run(command, project, **given.environment).strip().splitlines()[-1]
        print("| connections | with a key, req/s | access token | ratio (quartiles) |")
        print("|---:|---:|---:|---:|")
        for connections in options.connections:
            rounds: list[tuple[Round, Round]] = []
            for number in range(options.rounds + 1):
                seconds = options.seconds if number else WARM_UP
                pair = [
                    measure(*serving, Call(PATH, token), connections, seconds)
                    for token in (key, given.token)
                ]
                if number:
                    rounds.append((pair[0], pair[1]))
            print(row(connections, rounds), flush=True)
        print(f"\n{load_average()}")


def row(connections: int, rounds: list[tuple[Round, Round]]) -> str:
    """One row of the table: medians over the rounds."""
    medians = [
        statistics.median(each.per_second for each in side) for side in zip(*rounds, strict=True)
    ]
    low, middle, high = statistics.quantiles(
        (one.per_second / other.per_second for one, other in rounds), n=4
    )
    cells = [str(connections), *(f"{each:,.0f}" for each in medians)]
    return f"| {' | '.join(cells)} | **{middle:.2f}** ({low:.2f}–{high:.2f}) |"


if __name__ == "__main__":
    main()
