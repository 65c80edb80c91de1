"""Charges per second of the rendered project, as a ratio to the same SQL sent by hand with asyncpg.

Both keep the same guarantees on the same tables: never below 0, once for each key, every entry with
the balance after it. They take turns, run after run; one run of each is one ratio.
"""

import argparse
import json
import statistics
from pathlib import Path

from project import HERE, load_average, project_folder, python_of, run, services

TITLES = {
    "spend": "taken at once",
    "charge": "held, then taken",
}


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--project", type=Path, help="a rendered project; default: render one")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--charges", type=int, default=600, help="in each run")
    options = parser.parse_args()
    with project_folder(options.project, credits=True) as project, services(project) as given:
        sizes = [str(options.rounds), str(options.charges)]
        command = [python_of(project), str(HERE / "spending.py"), *sizes]
        lines = run(command, project, PYTHONPATH=str(project), **given.environment).splitlines()
    runs = [json.loads(line) for line in lines]
    print("| | accounts | template charges/s | bare SQL charges/s | ratio (quartiles) |")
    print("|---|---:|---:|---:|---:|")
    for way, title in TITLES.items():
        for accounts in (1, 1_000):
            chosen = [each for each in runs if (each["way"], each["accounts"]) == (way, accounts)]
            ours = statistics.median(each["template"] for each in chosen)
            bare = statistics.median(each["bare"] for each in chosen)
            ratios = [each["template"] / each["bare"] for each in chosen]
            low, middle, high = statistics.quantiles(ratios, n=4)
            cells = f"{ours:,.0f} | {bare:,.0f} | **{middle:.2f}** ({low:.2f}–{high:.2f})"
            print(f"| {title} | {accounts:,} | {cells} |")
    print(f"\n{load_average()}")


if __name__ == "__main__":
    main()
