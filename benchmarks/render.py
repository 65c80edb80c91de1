"""Seconds from `copier copy` to the first answered request and to green tests of the project.

The package cache is warm, as for anyone's second project; everything else is new each time.
"""

import argparse
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from project import ANSWERS, constrain, dev_stack, load_average, render, run, snapshot


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeat", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        template = snapshot(Path(folder) / "template")
        project = Path(folder) / "project"
        print("| | seconds (median, range) |\n|---|---:|")
        for name, work in {
            "`copier copy`, in process": nothing,
            "… to the first answered request": first_answer,
            "… to green tests": green_tests,
        }.items():
            seconds = [measure(template, project, work) for _ in range(options.repeat)]
            print(
                f"| {name} | {statistics.median(seconds):.1f} "
                f"({min(seconds):.1f}–{max(seconds):.1f}) |",
                flush=True,
            )
        print(f"\n{load_average()}")


def measure(template: Path, project: Path, work: Callable[[Path], float]) -> float:
    """Render a new project and do something with it."""
    shutil.rmtree(project, ignore_errors=True)
    started = time.perf_counter()
    render(template, project, ANSWERS)
    rendered = time.perf_counter() - started
    constrain(project)
    return rendered + work(project)


def nothing(_project: Path) -> float:
    """Rendering alone."""
    return 0.0


def first_answer(project: Path) -> float:
    """Seconds until the API of `uv run app dev` answers; the environment is made on the way."""
    started = time.perf_counter()
    with dev_stack(project):
        return time.perf_counter() - started


def green_tests(project: Path) -> float:
    """Seconds of `uv run pytest`; the environment is made on the way."""
    started = time.perf_counter()
    run(["uv", "run", "--quiet", "pytest", "--quiet"], project)
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
