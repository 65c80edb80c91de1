"""Updates to a newer version change the template's files and keep the team's work."""

import re
import shutil
import tomllib
from pathlib import Path

import pytest
import yaml

from support.commands import run
from support.editing import append, edit
from support.rendering import render, tree
from support.snapshot import TAG, commit
from support.trimming import trim
from support.updates import conflicts, update

OLD, NEW = "v9999.1.0", "v9999.2.0"


@pytest.fixture
def versions(template: Path, tmp_path: Path) -> Path:
    """A template with two tags: the working tree, and a version that changes files of each kind."""
    folder = tmp_path / "template"
    run(["git", "clone", "--quiet", str(template), str(folder)], tmp_path)
    trim(folder)
    commit(folder, "Only the files that these tests need", OLD)
    files = folder / "template"
    for name in (
        "app/core/__init__.py",
        "app/main.py",
        "app/features/{% if not organizations %}items{% endif %}/service.py",
        "app/settings.py",
    ):
        append(files / name, "\n# Changed by the template.\n")
    append(files / "README.md.jinja", "\nChanged by the template.\n")
    (files / "app/core/added.py").write_text('"""New in this version."""\n')
    (files / "Procfile.jinja").unlink()
    edit(files / "pyproject.toml.jinja", '"structlog>=26.0"', '"structlog>=26.1"')
    append(
        folder / "CHANGELOG.md",
        "\n## [9999.2.0] - 2099-01-01\n\n### Update notes\n\nSet BRAVERY before the deploy.\n",
    )
    commit(folder, "A new version", NEW)
    return folder


@pytest.fixture
def old_project(versions: Path, tmp_path: Path) -> Path:
    """A committed project of the older version."""
    project = render(versions, tmp_path / "shop", ref=OLD)
    run(["git", "init", "--quiet"], project)
    commit(project, "Start from the template")
    return project


def test_unedited_project_becomes_a_fresh_render(
    versions: Path, old_project: Path, tmp_path: Path
) -> None:
    update(old_project, NEW)
    fresh = tree(render(versions, tmp_path / "fresh" / "shop", ref=NEW))
    updated = tree(old_project)
    assert conflicts(old_project) == []
    assert set(updated) == set(fresh)
    differ = {name for name in fresh if fresh[name] != updated[name]}
    # The user's files are unchanged. All other files are those of a new project.
    assert differ == {"README.md", "app/settings.py", "app/features/items/service.py"}


def test_work_of_the_team_is_kept(old_project: Path) -> None:
    project = old_project
    append(project / "app/settings.py", "\n# Our setting.\n")
    (project / "README.md").write_text("# Ours\n")
    edit(project / "CHANGELOG.md", "# ", "# Our ")
    own = project / "app/features/orders"
    shutil.copytree(project / "app/features/items", own)
    shutil.rmtree(project / "app/features/items")
    shutil.rmtree(project / "tests/features/items", ignore_errors=True)
    edit(project / "pyproject.toml", "dependencies = []", 'dependencies = [\n    "boto3>=1.40",\n]')
    append(project / "justfile", "\nours:\n    echo ours\n")
    (project / "Makefile").write_text("all:\n")
    commit(project, "Our work")

    update(project, NEW)

    assert conflicts(project) == []
    assert (project / "app/settings.py").read_text("utf-8").endswith("\n# Our setting.\n")
    assert (project / "README.md").read_text() == "# Ours\n"
    assert (project / "CHANGELOG.md").read_text("utf-8").startswith("# Our ")
    assert not (project / "app/features/items").exists()
    assert not (project / "tests/features/items").exists()
    assert {path.name for path in own.iterdir()} >= {"models.py", "routes.py", "service.py"}
    assert "ours:" in (project / "justfile").read_text("utf-8")
    assert (project / "Makefile").is_file()
    pyproject = (project / "pyproject.toml").read_text("utf-8")
    assert '"boto3>=1.40"' in pyproject
    assert '"structlog>=26.1"' in pyproject
    # The files of the new version.
    assert (project / "app/core/added.py").is_file()
    assert not (project / "Procfile").exists()
    assert "Changed by the template" in (project / "app/main.py").read_text("utf-8")
    assert yaml.safe_load((project / ".copier-answers.yml").read_text())["_commit"] == NEW


def test_packages_of_the_team_stay_when_every_bound_moves(
    versions: Path, old_project: Path
) -> None:
    run(["uv", "add", "--quiet", "--frozen", "humanize>=4.0"], old_project)
    # In alphabetical order, it would stand between two of the template's packages.
    run(["uv", "add", "--quiet", "--frozen", "--dev", "hypothesis-jsonschema>=0.23"], old_project)
    commit(old_project, "Our packages")
    pyproject = versions / "template/pyproject.toml.jinja"
    moved = re.sub(r">=(?=\d)", ">=1!", pyproject.read_text("utf-8"))
    pyproject.write_text(moved, "utf-8")
    commit(versions, "Every bound moves", "v9999.3.0")

    update(old_project, "v9999.3.0")

    assert conflicts(old_project) == []
    declared = tomllib.loads((old_project / "pyproject.toml").read_text("utf-8"))
    assert declared["project"]["dependencies"] == ["humanize>=4.0"]
    groups = declared["dependency-groups"]
    assert groups.pop("dev") == ["hypothesis-jsonschema>=0.23"]
    assert all(">=1!" in line for lines in groups.values() for line in lines)


def test_edited_sample_is_not_changed(old_project: Path) -> None:
    before = "\n# Ours.\n"
    append(old_project / "app/features/items/service.py", before)
    (old_project / "app/features/items/routes.py").unlink()
    commit(old_project, "Our sample")
    update(old_project, NEW)
    assert conflicts(old_project) == []
    text = (old_project / "app/features/items/service.py").read_text("utf-8")
    assert text.endswith(before)
    assert "Changed by the template" not in text
    assert not (old_project / "app/features/items/routes.py").exists()


def test_edits_of_template_files_merge_or_conflict(old_project: Path) -> None:
    edit(old_project / "app/main.py", '"""', '"""Ours. ')
    append(old_project / "app/core/__init__.py", "\n# Ours, at the same place.\n")
    commit(old_project, "Our edits of the template's files")
    update(old_project, NEW)
    text = (old_project / "app/main.py").read_text("utf-8")
    assert '"""Ours. ' in text
    assert "Changed by the template" in text
    left = conflicts(old_project)
    assert left
    assert all("app/core/__init__.py" in entry for entry in left)


def test_answers_can_change_without_a_new_version(old_project: Path) -> None:
    update(old_project, OLD, python_version="3.14", github_owner="octocat")
    assert conflicts(old_project) == []
    assert (old_project / ".github/CODEOWNERS").is_file()
    assert "3.14" in (old_project / "Dockerfile").read_text("utf-8")


def test_update_to_a_version_without_an_old_question(versions: Path, tmp_path: Path) -> None:
    append(versions / "copier.yml", "\nlegacy:\n  type: str\n  help: Gone soon?\n  default: x\n")
    edit(versions / "checks.jinja", "'preset',\n]", "'preset', 'legacy',\n]")
    commit(versions, "A question for a while", "v9999.1.5")
    project = render(versions, tmp_path / "shop", ref="v9999.1.5")
    assert "legacy" in (project / ".copier-answers.yml").read_text()
    run(["git", "init", "--quiet"], project)
    commit(project, "Start")
    run(["git", "checkout", "--quiet", NEW], versions)
    commit(versions, "Without it again", "v9999.3.0")
    update(project, "v9999.3.0")
    assert conflicts(project) == []
    assert "legacy" not in (project / ".copier-answers.yml").read_text()


def test_tag_of_the_snapshot_is_the_newest(template: Path) -> None:
    assert run(["git", "describe", "--tags"], template).strip() == TAG
