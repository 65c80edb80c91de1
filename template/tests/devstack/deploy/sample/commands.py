"""`app worker`, `app beat`, `app db upgrade` and `app db backup`."""

import json
import os
import signal
import sys
import time
from pathlib import Path

ROOT = Path(os.environ["DEPLOY_TEST_ROOT"])
RELEASE, BROKEN = json.loads(Path("release.json").read_text())
stopping: list[int] = []
signal.signal(signal.SIGTERM, lambda number, _: stopping.append(number))


def note(name: str, text: str) -> None:
    """Add a line to a file of the test."""
    with (ROOT / name).open("a") as file:
        file.write(f"{text}\n")


def finish_long(path: Path, taken: Path) -> None:
    """Wait until the test lets it end; SIGQUIT returns the task to the queue."""

    def give_back(*_: object) -> None:
        taken.rename(path)
        raise SystemExit

    signal.signal(signal.SIGQUIT, give_back)
    while not (ROOT / "let-it-end").exists():
        time.sleep(0.01)


def worker() -> None:
    """Run tasks: each file is taken by one worker, and needs a while."""
    if BROKEN == "worker":
        raise SystemExit("Error: the worker is broken.")
    alive = Path(os.environ["ALIVE_FILE"])
    while not stopping:
        alive.touch()
        for path in (ROOT / "queue").iterdir():
            taken = ROOT / "taken" / path.name
            try:
                path.rename(taken)
            except FileNotFoundError:
                continue  # the worker of another release was first
            if path.name == "long":
                finish_long(path, taken)
            time.sleep(0.05)
            taken.rename(ROOT / "done" / path.name)
            break
        time.sleep(0.01)


def beat() -> None:
    """Note the beginning and the end."""
    note("beats", f"begin {RELEASE}")
    while not stopping:
        time.sleep(0.01)
    note("beats", f"end {RELEASE}")


match sys.argv[1:]:
    case ["worker"]:
        worker()
    case ["beat", *_]:
        beat()
    case ["db", "upgrade"]:
        note("migrations", RELEASE)
        if BROKEN == "migration":
            raise SystemExit("Error: the migration is broken.")
    case ["db", "backup", file]:
        Path(file).write_text(RELEASE)
    case ["collect", folder]:
        Path(folder, "file").write_text(RELEASE)
    case other:
        print(RELEASE, *other)
