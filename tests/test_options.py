"""Options in a running project, and the examples of the pages on tasks and on deployment.

Those pages describe options.
"""

import configparser
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from support.commands import attempt, run
from support.project import check_types, install, temporary_changes
from support.rendering import Render, tree
from support.snapshot import ROOT
from support.stack import DevStack

# The options with a dependency group, and the folder of each.
FOLDERS = {"redbeat": "schedules", "flower": "flower", "pgvector": "documents"}


@pytest.mark.parametrize(("option", "folder"), FOLDERS.items())
def test_option_has_its_folder_and_dependency_group(
    render: Render, option: str, folder: str
) -> None:
    files = tree(render(preset="minimal", **{option: True}))
    assert f"app/extensions/{folder}/__init__.py" in files
    assert any(name.startswith(f"tests/extensions/{folder}/") for name in files)
    assert f"\n{option} = [\n" in files["pyproject.toml"].decode("utf-8")
    assert f'\n    "{option}",\n' in files["pyproject.toml"].decode("utf-8")


# --- A project with every option --------------------------------------------------------------


@pytest.fixture(scope="module")
def everything(render: Render, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project with every option, committed and installed. Read-only."""
    return install(render(preset="everything"), tmp_path_factory.mktemp("everything") / "demo")


@pytest.fixture
def installed(everything: Path) -> Iterator[Path]:
    """That project, to change things in."""
    with temporary_changes(everything) as project:
        yield project


@pytest.mark.network
@pytest.mark.xdist_group("everything")
def test_the_dev_stack_runs_the_options(running: DevStack) -> None:
    settings = (running.project / ".env").read_text("utf-8")
    env = dict(re.findall(r"^(\w+)=(.+)$", settings, re.MULTILINE))
    log = running.log.read_text("utf-8")
    (address,) = re.findall(r"│ Flower +│ (http\S+)", log)
    assert env["FLOWER_PASSWORD"] in log
    wait_for(address)
    assert httpx.get(f"{address}/api/workers").status_code == 401
    sign_in = (env["FLOWER_USER"], env["FLOWER_PASSWORD"])
    assert httpx.get(f"{address}/api/workers", auth=sign_in).status_code == 200

    block = next(code for code in blocks("tasks.md", "sh") if "schedule add" in code)
    run(["bash", "-euo", "pipefail", "-c", block], running.project)
    listed = run(["uv", "run", "-q", "app", "schedule", "list"], running.project, COLUMNS="200")
    names = {line.split()[0] for line in listed.splitlines()[1:]}
    assert {"core.heartbeat", "items.report", "weekly-report"} <= names
    assert "often" not in names


@pytest.mark.network
@pytest.mark.xdist_group("everything")
def test_local_model_works(installed: Path) -> None:
    """With Model2Vec, an optional package: the project's own tests skip these tests without it."""
    local = "tests/extensions/documents/test_local.py"
    command = ["uv", "run", "--quiet", "--with", "model2vec", "pytest", "-q", local]
    summary = run(command, installed)
    assert " passed" in summary
    assert "skipped" not in summary


def wait_for(address: str) -> None:
    """Wait until a server answers at an address."""
    transport = httpx.HTTPTransport(retries=8)
    with httpx.Client(transport=transport) as client:
        client.get(f"{address}/healthcheck", timeout=30)


# --- The pages --------------------------------------------------------------------------------


def blocks(page: str, language: str) -> list[str]:
    """The blocks of a language in a page of docs/."""
    text = (ROOT / "docs" / page).read_text("utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def files(page: str, language: str) -> dict[str, str]:
    """The blocks whose first line is a path: path -> content without that line."""
    named = (block.partition("\n") for block in blocks(page, language))
    return {head.removeprefix("# "): rest for head, _, rest in named if head.startswith("# ")}


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


def test_the_tasks_of_the_schedules_exist() -> None:
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


@pytest.mark.network
@pytest.mark.xdist_group("everything")
def test_examples_of_the_page_on_tasks_run(installed: Path, shared: Path) -> None:
    shown = files("tasks.md", "python")
    assert len(shown) == 2
    (installed / "app/features/reports").mkdir()
    (installed / "app/features/reports/__init__.py").write_text('"""Reports."""\n')
    for name, content in shown.items():
        (installed / name).write_text(content)
    (installed / "tests/features/reports").mkdir()
    (installed / "tests/features/reports/test_tasks.py").write_text(REPORTS)
    run(["uv", "run", "--quiet", "pytest", "-q", "tests/features/reports"], installed)
    # A reader who copies the examples runs the same checks.
    run(["uv", "run", "--quiet", "ruff", "check", "app"], installed)
    run(["uv", "run", "--quiet", "ruff", "format", "--check", "app"], installed)
    check_types(installed, shared)


@pytest.mark.network
@pytest.mark.xdist_group("everything")
@pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="no systemd here (apt-get install systemd)"
)
def test_systemd_units_are_valid(everything: Path, tmp_path: Path) -> None:
    units = {
        Path(name).name: text.replace("/srv/app", str(everything)).replace("User=app\n", "")
        for name, text in files("deploy.md", "ini").items()
        if name.endswith(".service")
    }
    assert set(units) == {f"app-{name}.service" for name in ("api", "worker", "beat", "flower")}
    for name, text in units.items():
        (tmp_path / name).write_text(text)
    result = attempt(["systemd-analyze", "verify", *units], tmp_path)
    ours = [line for line in result.stderr.splitlines() if "app-" in line]
    assert ours == [], result.stderr
    # systemd-analyze finds a fault.
    broken = units["app-worker.service"].replace("bin/app worker", "bin/no-such-program")
    (tmp_path / "app-worker.service").write_text(broken.replace("KillMode=mixed", "KillMode=odd"))
    refused = attempt(["systemd-analyze", "verify", "app-worker.service"], tmp_path).stderr
    assert "no-such-program" in refused
    assert "kill mode" in refused


def test_supervisor_runs_the_same_commands_as_systemd() -> None:
    shown = files("deploy.md", "ini")
    (text,) = [text for name, text in shown.items() if name.endswith(".conf")]
    supervisor = configparser.ConfigParser(interpolation=None)
    supervisor.read_string(text)
    for section in supervisor.sections():
        program = section.removeprefix("program:")
        unit = shown[f"/etc/systemd/system/{program}.service"]
        assert f"ExecStart={supervisor[section]['command']}\n" in unit
