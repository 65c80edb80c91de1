"""`update --drift` finds edits of the template's files; `--adopt` finds version and answers."""

import json
import shutil
from pathlib import Path

import pytest
import yaml

from launcher.homes import home_of
from support.commands import run
from support.editing import append, edit
from support.launching import launch
from support.rendering import tree
from support.snapshot import ROOT, commit
from support.versions import NEW, old_project

pytestmark = pytest.mark.xdist_group("update-small")
ANSWERS = ".copier-answers.yml"


@pytest.fixture
def project(small: Path, tmp_path: Path) -> Path:
    return old_project(small, tmp_path / "shop")


def _own_work(project: Path) -> None:
    append(project / "app/settings.py", "\n# Ours.\n")
    append(project / "README.md", "\nOurs.\n")
    shutil.rmtree(project / "app/features/items")
    (project / "app/features/orders.py").write_text("ours = 1\n")
    edit(project / "pyproject.toml", "dependencies = []", 'dependencies = ["boto3"]')
    edit(project / "pyproject.toml", 'version = "0.1.0"', 'version = "3.0.0"')


def test_own_work_is_no_drift_and_an_edit_is(project: Path) -> None:
    _own_work(project)
    clean = launch(project, "--drift", "--json")
    assert (clean.code, json.loads(clean.output)) == (0, [])
    append(project / "app/main.py", "# Ours.")
    append(project / "app/core/__init__.py", "\nours = 1\n")
    (project / "Procfile").unlink()

    found = launch(project, "--drift", "--json")

    assert found.code == 2
    edits = {each["path"]: each for each in json.loads(found.output)}
    assert edits.keys() == {"app/main.py", "app/core/__init__.py", "Procfile"}
    assert {path for path, each in edits.items() if each["deleted"]} == {"Procfile"}
    assert "middleware.py" in edits["app/main.py"]["instead"]
    # The diff is a patch, without a line break at the end of the file as well.
    patch = project.parent / "drift.patch"
    patch.write_text(edits["app/main.py"]["diff"])
    run(["git", "apply", "--reverse", str(patch)], project)
    assert not (project / "app/main.py").read_text("utf-8").endswith("# Ours.")
    text = launch(project, "--drift")
    assert text.code == 2
    assert "+ours = 1" in text.output


def test_places_exist() -> None:
    listed = run(["git", "ls-files", "template"], ROOT).splitlines()
    for path in ("app/main.py", "app/core/auth/keys.py", "pyproject.toml", "tests/conftest.py"):
        assert any(each.removesuffix(".jinja").endswith(path) for each in listed)
        assert "propose" not in home_of(path)
    assert "propose" in home_of("app/unknown.py")


def _answers(project: Path) -> dict[str, object]:
    found: dict[str, object] = yaml.safe_load((project / ANSWERS).read_text("utf-8"))
    return found


def _lose(project: Path) -> None:
    (project / ANSWERS).unlink()


def _edit_by_hand(project: Path) -> None:
    text = (project / ANSWERS).read_text("utf-8")
    kept = [line for line in text.splitlines() if not line.startswith(("_commit", "admin"))]
    (project / ANSWERS).write_text("\n".join([*kept, "python_version: 2", "mine: 1"]))


def _break(project: Path) -> None:
    (project / ANSWERS).write_text("{")


@pytest.mark.parametrize("damage", [_lose, _edit_by_hand, _break])
def test_adopt_restores_the_answers_file(project: Path, damage: object) -> None:
    before = (project / ANSWERS).read_bytes()
    _own_work(project)
    append(project / "Dockerfile", "# Ours.\n")
    assert callable(damage)
    damage(project)
    commit(project, "Ours")
    assert launch(project, "--drift").code == 1

    assert launch(project, "--adopt").code == 0

    assert (project / ANSWERS).read_bytes() == before
    commit(project, "Adopt")
    assert launch(project, "--defaults").code == 0
    assert _answers(project)["_commit"] == NEW


def test_adopt_without_history_reads_the_files(
    small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = {"project_name": 'Our "Shop"', "description": "What we sell.", "license": "MIT"}
    answers |= {"preset": "minimal", "cache": "true"}
    answers |= {"author_name": "Ada", "github_owner": "acme/backend", "python_version": "3.12"}
    rendered = old_project(small, tmp_path / "other", answers=answers)
    shutil.rmtree(rendered / ".git")
    before = _answers(rendered)
    _lose(rendered)
    files = tree(rendered)
    monkeypatch.setattr("launcher.source._CHECKOUT", small)

    assert launch(rendered, "--adopt").code == 0

    found = _answers(rendered)
    assert found.pop("preset") == "standard"  # it only gives defaults
    before.pop("preset")
    assert found == before
    run(["git", "checkout", "--quiet", "HEAD"], rendered)
    assert {path: text for path, text in tree(rendered).items() if path != ANSWERS} == files
    assert run(["git", "status", "--porcelain"], rendered) == f"?? {ANSWERS}\n"
    assert launch(rendered, "--drift").code == 0


def test_adopt_refuses_another_folder(tmp_path: Path) -> None:
    assert launch(tmp_path, "--adopt").code == 1
    assert list(tmp_path.iterdir()) == []
