"""`app feature new` in a copy of the project."""

import inspect
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlmodel import Session

from app.core.cli import feature as features_cli
from app.core.cli.errors import CliError
from app.core.database import sync_engine
from app.core.settings import get_settings
from app.extensions.users.models import User
from devstack import features

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project's code that a test may change."""
    target = tmp_path_factory.mktemp("project")
    ignored = shutil.ignore_patterns("__pycache__")
    for folder in ("app", "devstack", "tests"):
        shutil.copytree(ROOT / folder, target / folder, ignore=ignored)
    shutil.copy(ROOT / "ruff.toml", target)
    return target


@pytest.fixture
def project(copy: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The copy, as the current folder."""
    monkeypatch.chdir(copy)
    return copy


def python(project: Path, *arguments: str, **environment: str) -> str:
    """Run Python with the code of the copy and return its output."""
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=project,
        env={**os.environ, "PYTHONPATH": str(project), **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def complete_features() -> Iterator[Any]:
    """Every scope with each addon and with none; by day each scope once, with its first addon."""
    for scope in features.SCOPE_NAMES:
        addons = [name for name in features.addon_names() if scope in features.addon_scopes(name)]
        for number, addon in enumerate([*addons, None]):
            yield pytest.param(scope, addon, marks=pytest.mark.slow if number else ())


@pytest.mark.parametrize(("scope", "addon"), list(complete_features()))
def test_a_new_feature_is_complete(
    project: Path,
    empty_database_url: str,
    capsys: pytest.CaptureFixture[str],
    scope: str,
    addon: str | None,
) -> None:
    name = f"{addon or 'plain'}_{scope}s"
    features.new(name, f"{scope}_order", scope=scope, **({addon: True} if addon else {}))
    printed = capsys.readouterr().out.splitlines()
    folders = [f"{folder}/features/{name}" for folder in ("app", "tests")]
    found = {str(path) for folder in folders for path in Path(folder).rglob("*.*")}
    assert found == {line.removeprefix("Wrote ") for line in printed if line.startswith("Wrote")}

    python(project, "-m", "ruff", "check", *folders)
    python(project, "-m", "ruff", "format", "--check", *folders)
    # Its migration and its models agree, and the API has its routes.
    script = "from app.cli import build; a = build(); [a(c, standalone_mode=False) for c in {}]"
    commands = [["db", "upgrade"], ["db", "check"], ["openapi"]]
    printed_there = python(project, "-c", script.format(commands), DATABASE_URL=empty_database_url)
    assert f"/{name}/" + "{" + f"{scope}_order_id" + "}" in printed_there
    if addon == "seeds":
        seeded = [run_seeds(project, empty_database_url) for _ in range(2)]
        # Whatever whoever owns the rows: there are three, and the second run finds them.
        assert [
            f"{name}: added {rows} rows" in each for each, rows in zip(seeded, (3, 0), strict=True)
        ] == [True, True]


def run_seeds(project: Path, database_url: str) -> str:
    """`app db seed` for a user of an empty database."""
    engine = sync_engine(database_url, get_settings())
    with Session(engine) as session:
        session.merge(User(id=UUID(int=1), email="demo@example.com"))
        session.commit()
    engine.dispose()
    arguments = ("-m", "app", "db", "seed", "--email", "demo@example.com")
    return python(project, *arguments, DATABASE_URL=database_url)


@pytest.mark.parametrize(
    "name",
    [
        *("Orders", "1st", "or-ders", "_orders", "../orders", "x" * 31),
        *("classes", "sessions"),  # they would hide a name that the code uses
        *("users", "items"),  # they exist
    ],
)
def test_a_bad_name_is_refused_and_nothing_is_written(project: Path, name: str) -> None:
    before = sorted(project.rglob("*.py"))
    with pytest.raises(CliError, match=re.escape(name)):
        features.new(name)
    assert sorted(project.rglob("*.py")) == before


def test_an_unknown_scope_is_refused(project: Path) -> None:
    with pytest.raises(CliError, match="use one of user, "):
        features.new("parcels", scope="planet")
    assert not (project / "app/features/parcels").exists()


def test_an_addition_is_not_for_every_scope(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(features, "ADDONS", project / "addons")
    (project / "addons/colours").mkdir(parents=True)
    with pytest.raises(CliError, match="--colours is for the scope `user`"):
        features.new("parcels", scope="none", colours=True)
    assert not (project / "app/features/parcels").exists()


def test_each_addition_is_a_flag_of_the_command() -> None:
    (command,) = (
        each for each in features_cli.cli.registered_commands if each.callback is features.new
    )
    flags = set(inspect.signature(command.callback or features.new).parameters)
    assert flags == {"name", "model", "scope", *features.addon_names()}


def test_the_singular_can_be_given(project: Path) -> None:
    features.new("equipment", "tool")
    models = (project / "app/features/equipment/models.py").read_text()
    assert "class Tool(" in models
    assert '__tablename__ = "equipment"' in models


def test_an_incomplete_feature_is_removed(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # The last step runs ruff with this interpreter.
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(subprocess.CalledProcessError):
        features.new("invoices")
    assert not (project / "app/features/invoices").exists()
    assert not (project / "tests/features/invoices").exists()


@pytest.mark.usefixtures("fresh_settings")
def test_features_are_listed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FEATURES", "users")
    features_cli.list_features()
    rows = [line.split() for line in capsys.readouterr().out.splitlines()[1:]]
    loaded = {row[0]: row[1] for row in rows if len(row) > 1}
    assert (loaded["users"], loaded["tasks"]) == ("yes", "no")
