"""The share of the code that tests run may only rise."""

import subprocess
import sys
from pathlib import Path

import pytest

from devstack.coverage_floor import FILE, main

CODE = """\
def run(all):
    a = 1
    b = 2
    if all:
        c = 3
        d = 4
        e = 5
"""


def measure(*, everything: bool) -> float:
    """Run the code under coverage.py, all of it or a part, and return the percentage."""
    Path("code_to_measure.py").write_text(f"{CODE}run({everything})\n")
    for command in (["run", "code_to_measure.py"], ["report", "--format=total"]):
        done = subprocess.run(
            [sys.executable, "-m", "coverage", *command], check=True, capture_output=True, text=True
        )
    return float(done.stdout)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder of its own, with the branch of no other measurement."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CI", raising=False)
    for name in ("COVERAGE_PROCESS_START", "COVERAGE_PROCESS_CONFIG"):
        monkeypatch.delenv(name, raising=False)


def test_the_floor_rises_and_never_falls(capsys: pytest.CaptureFixture[str]) -> None:
    some = measure(everything=False)
    assert main() == 0
    floor = int(FILE.read_text())
    assert some - 2 < floor <= some

    measure(everything=True)
    assert main() == 0
    assert FILE.read_text() == "99\n"

    measure(everything=False)
    assert main() == 1
    assert "99 %" in capsys.readouterr().out
    assert FILE.read_text() == "99\n"


def test_the_floor_stays_as_committed_in_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    measure(everything=True)
    assert main() == 0
    assert not FILE.exists()
