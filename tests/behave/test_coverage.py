"""The coverage of a project: its report holds what a worker runs, and Git ignores its files."""

import json
from pathlib import Path

import pytest

from support.commands import run


@pytest.mark.network
@pytest.mark.xdist_group("installed")
def test_coverage_holds_the_tasks_that_a_worker_runs(installed: Path) -> None:
    reports = ["--cov", "--cov-report=html", "--cov-report=json:.coverage.json"]
    run(["uv", "run", "pytest", "-q", *reports, "tests/features/items/test_tasks.py"], installed)
    report = json.loads((installed / ".coverage.json").read_text("utf-8"))
    tasks = report["files"]["app/features/items/tasks.py"]["functions"]
    assert tasks["complete_all"]["summary"]["percent_covered"] == 100
    assert (installed / "coverage/index.html").is_file()
    summary = run(["uv", "run", "coverage", "report", "--format=markdown"], installed)
    assert "**TOTAL**" in summary
    assert run(["git", "status", "--porcelain"], installed) == ""
