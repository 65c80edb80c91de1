"""The examples of the documentation, in a project with every option.

They change its files, so they run after `test_stop.py` has stopped its stack.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.commands import attempt, run
from support.examples import files
from support.plugins.variants import EVERYTHING, Variant
from support.project import check_types, temporary_changes

pytestmark = [
    pytest.mark.network,
    pytest.mark.usefixtures("named"),
    pytest.mark.parametrize("variant", EVERYTHING, indirect=True),
]


@pytest.fixture
def project(variant: Variant) -> Iterator[Path]:
    """The project, to change things in."""
    with temporary_changes(variant.project) as project:
        yield project


def test_a_model_on_the_disk_can_be_asked(project: Path) -> None:
    """With Model2Vec, a choice of the team: without it, the project's own tests skip these."""
    local = "tests/extensions/documents/test_local.py"
    command = ["uv", "run", "--quiet", "--with", "model2vec", "pytest", "-q", local]
    assert " passed" in (output := run(command, project))
    assert "skipped" not in output


REPORTS = """
from datetime import timedelta

import pytest
from sqlmodel import Session, select

from app.core.tasks.locks import single_run
from app.core.database.models import utcnow
from app.core.tasks import SkipRunError
from app.core.tasks.models import TaskRecord
from app.features.reports import tasks
from app.worker import celery


def test_the_schedules_are_there_and_their_tasks() -> None:
    for name in ("reports.daily", "reports.sync"):
        assert celery.conf.beat_schedule[name]["task"] in celery.tasks


def test_a_start_is_spread(sync_session: Session) -> None:
    before = utcnow()
    for _ in range(5):
        tasks.spread.function(sync_session)
    records = sync_session.exec(select(TaskRecord)).all()
    planned = {record.due_at for record in records if record.name == "reports.daily"}
    starts = {due_at - before for due_at in planned if due_at is not None}
    assert len(starts) == 5
    assert all(timedelta(0) <= start <= timedelta(minutes=11) for start in starts)


def test_a_second_run_at_once_is_skipped() -> None:
    assert tasks.sync.function() == "synced"
    with pytest.raises(SkipRunError):
        single_run("reports.sync")(tasks.sync.function)()
"""


def test_the_examples_of_the_page_on_tasks_run(project: Path, shared: Path) -> None:
    shown = files("tasks.md", "python")
    assert len(shown) == 2
    (project / "app/features/reports").mkdir()
    (project / "app/features/reports/__init__.py").write_text('"""Reports."""\n')
    for name, content in shown.items():
        (project / name).write_text(content)
    (project / "tests/features/reports").mkdir()
    (project / "tests/features/reports/test_tasks.py").write_text(REPORTS)
    run(["uv", "run", "--quiet", "pytest", "-q", "tests/features/reports"], project)
    # As a reader who copies them would have it.
    run(["uv", "run", "--quiet", "ruff", "check", "app"], project)
    run(["uv", "run", "--quiet", "ruff", "format", "--check", "app"], project)
    check_types(project, shared)


@pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="no systemd here (apt-get install systemd)"
)
def test_units_are_good(variant: Variant, tmp_path: Path) -> None:
    units = {
        Path(name).name: text.replace("/srv/app", str(variant.project)).replace("User=app\n", "")
        for name, text in files("deploy.md", "ini").items()
        if name.endswith(".service")
    }
    assert set(units) == {f"app-{name}.service" for name in ("api", "worker", "beat", "flower")}
    for name, text in units.items():
        (tmp_path / name).write_text(text)
    result = attempt(["systemd-analyze", "verify", *units], tmp_path)
    ours = [line for line in result.stderr.splitlines() if "app-" in line]
    assert ours == [], result.stderr
    # It notices a fault.
    broken = units["app-worker.service"].replace("bin/app worker", "bin/no-such-program")
    (tmp_path / "app-worker.service").write_text(broken.replace("KillMode=mixed", "KillMode=odd"))
    refused = attempt(["systemd-analyze", "verify", "app-worker.service"], tmp_path).stderr
    assert "no-such-program" in refused
    assert "kill mode" in refused
