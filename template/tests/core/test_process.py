"""What features do in each process is entered at its start and left at its end."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from typer.testing import CliRunner

from app.cli import build
from app.core import process as module
from app.core.tasks import processes
from tests.core.conftest import Build


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What a feature is told."""
    told: list[str] = []

    @contextmanager
    def run(kind: str, name: str | None) -> Iterator[None]:
        told.append(f"{kind} {name}")
        try:
            yield
        finally:
            told.append("end")

    monkeypatch.setattr(module, "load", {"process": [(None, run)]}.get)
    return told


async def test_the_api(build: Build, told: list[str]) -> None:
    app = build()
    assert told == []
    async with app.router.lifespan_context(app):
        assert told == ["api None"]
    assert told == ["api None", "end"]


def test_a_process_of_a_worker(told: list[str]) -> None:
    processes._start_worker()
    assert told == ["worker None"]
    processes._stop_worker()
    assert told == ["worker None", "end"]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [(["db", "current"], ["command db", "end"]), (["openapi"], []), (["--help"], [])],
)
def test_a_command_of_a_group(told: list[str], arguments: list[str], expected: list[str]) -> None:
    result = CliRunner().invoke(build(), arguments)
    assert result.exit_code == 0, result.output
    assert told == expected


def test_a_command_that_fails(told: list[str]) -> None:
    assert CliRunner().invoke(build(), ["db", "show", "nothing"]).exit_code == 1
    assert told == ["command db", "end"]
