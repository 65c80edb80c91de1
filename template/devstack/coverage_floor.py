"""The share of `app/` that the tests have to run, in percent. It stands in `coverage-floor`.

The share only rises: `app ci` writes a greater one after tests that run more, and people commit it.
In CI the file stays as it was committed.
"""

import os
import subprocess
import sys
from math import floor
from pathlib import Path

import typer

FILE = Path("coverage-floor")
# Two runs of the same tests differ a little, because some tests end processes at any moment.
MARGIN = 0.5


def main() -> int:
    """Compare the last measurement with the floor, and raise the floor. Return the exit code."""
    report = [sys.executable, "-m", "coverage", "report", "--format=total", "--precision=2"]
    measured = float(subprocess.run(report, check=True, capture_output=True, text=True).stdout)
    minimum = int(FILE.read_text("utf-8")) if FILE.exists() else 0
    if measured < minimum:
        typer.echo(f"The tests run {measured:.2f} % of app/, {FILE} requires {minimum} %.")
        typer.echo("coverage/index.html shows the lines that no test runs.")
        return 1
    reached = floor(measured - MARGIN)
    if reached > minimum and "CI" not in os.environ:
        FILE.write_text(f"{reached}\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
