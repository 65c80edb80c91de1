"""Microseconds to verify an access token: at its first request, and at those that follow."""

import argparse
import json
import statistics
from pathlib import Path

from project import HERE, load_average, project_folder, python_of, run


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--project", type=Path, help="a rendered project; default: render one")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--tokens", type=int, default=500, help="in each round")
    options = parser.parse_args()
    with project_folder(options.project) as project:
        sizes = [str(options.rounds), str(options.tokens)]
        command = [python_of(project), str(HERE / "verifying.py"), *sizes]
        lines = run(command, project, PYTHONPATH=str(project)).splitlines()
    rounds = [json.loads(line) for line in lines]
    print("| verification | µs |\n|---|---:|")
    for name, title in {
        "first": "first request of a token",
        "alone": "PyJWT alone",
        "again": "later requests",
    }.items():
        print(f"| {title} | {statistics.median(each[name] for each in rounds):,.1f} |")
    ratios = [each["first"] / each["again"] for each in rounds]
    low, middle, high = statistics.quantiles(ratios, n=4)
    print(f"| ratio first to later (quartiles) | **{middle:,.0f}** ({low:,.0f}–{high:,.0f}) |")
    print(f"\n{load_average()}")


if __name__ == "__main__":
    main()
