"""What starting costs: import of `app.main`, memory of each process, `app dev` to an answer."""

import argparse
import os
import shutil
import statistics
import subprocess
import time
from pathlib import Path

from load import Call, run_load
from project import (
    Services,
    child,
    dev_stack,
    load_average,
    project_folder,
    python_of,
    server,
    services,
)

SETTLE_SECONDS = 8.0  # Celery forks its children and connects


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeat", type=int, default=9)
    options = parser.parse_args()
    with project_folder() as project:
        print("| | figure |\n|---|---:|", flush=True)
        cold, warm = dev_seconds(project, options.repeat // 3)
        print(f"| `uv run app dev` to the first answered request, first start | {cold:.1f} s |")
        print(f"| the same, later starts (median of {options.repeat // 3}) | {warm:.1f} s |")
        with services(project) as given:
            seconds = import_seconds(project, given, options.repeat)
            print(
                f"| import of `app.main` (median of {options.repeat}, best) "
                f"| {statistics.median(seconds):.2f} s, {min(seconds):.2f} s |"
            )
            for name, (resident, shared, processes) in memory(project, given).items():
                print(
                    f"| memory of {name} ({processes}) | {shared:.0f} MB, resident "
                    f"{resident:.0f} MB |"
                )
        print(f"\n{load_average()}")


def dev_seconds(project: Path, repeat: int) -> tuple[float, float]:
    """Seconds of the first start, which makes the databases, and of later ones."""
    seconds = []
    for _ in range(repeat + 1):
        started = time.perf_counter()
        with dev_stack(project):
            seconds.append(time.perf_counter() - started)
    shutil.rmtree(project / ".dev")
    return seconds[0], statistics.median(seconds[1:])


def import_seconds(project: Path, given: Services, repeat: int) -> list[float]:
    """Seconds of a new interpreter that imports `app.main`, less those of one that does nothing."""

    def run(code: str) -> float:
        started = time.perf_counter()
        subprocess.run(
            [python_of(project), "-c", code],
            cwd=project,
            env=os.environ | given.environment,
            check=True,
        )
        return time.perf_counter() - started

    run("import app.main")
    return [run("import app.main") - run("pass") for _ in range(repeat)]


def memory(project: Path, given: Services) -> dict[str, tuple[float, float, str]]:
    """Resident and proportional megabytes of each process and its children, and who they are."""
    celery = [python_of(project), "-m", "celery", "-A", "app.worker"]
    schedule = f"--schedule={project}/beat-schedule"
    worker = [*celery, "worker", "--concurrency=2"]
    beat = [*celery, "beat", schedule, "--pidfile="]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with (
        server(project, given.environment) as (api, port),
        child(worker, project, given.environment, **quiet) as working,
        child(beat, project, given.environment, **quiet) as beating,
    ):
        run_load(port, Call("/api/v1/items", given.token), connections=16, seconds=2.0)
        time.sleep(SETTLE_SECONDS)
        return {
            "the API": (*megabytes(api), "one process, after some load"),
            "the worker": (*megabytes(working.pid), "parent and two children, idle"),
            "beat": (*megabytes(beating.pid), "one process"),
        }


def megabytes(pid: int) -> tuple[float, float]:
    """Resident memory of a process and its children, and the same with shared pages divided."""
    sizes = {"Rss": 0, "Pss": 0}
    for each in [pid, *children(pid)]:
        for line in Path(f"/proc/{each}/smaps_rollup").read_text().splitlines():
            name, _, size = line.partition(":")
            if name in sizes:
                sizes[name] += int(size.split()[0])
    return sizes["Rss"] / 1024, sizes["Pss"] / 1024


def children(pid: int) -> list[int]:
    """Ids of the processes below a process."""
    listed = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [each for child in map(int, listed) for each in (child, *children(child))]


if __name__ == "__main__":
    main()
