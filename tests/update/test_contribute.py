"""`update --contribute` turns edits of a project into a patch of the template."""

from pathlib import Path

import pytest

from support.commands import run
from support.editing import append, edit
from support.launching import launch
from support.rendering import render
from support.snapshot import commit
from support.versions import OLD, old_project

pytestmark = pytest.mark.xdist_group("update-small")
ANSWERS = {"project_name": "Acme Shop", "author_email": "ada@example.com"}


@pytest.fixture
def project(small: Path, tmp_path: Path) -> Path:
    return old_project(small, tmp_path / "shop", answers=ANSWERS)


def _apply(small: Path, patch: str, folder: Path) -> Path:
    """The template at the version of the project, with the patch; in another folder."""
    run(["git", "clone", "--quiet", str(small), str(folder)], small.parent)
    run(["git", "checkout", "--quiet", OLD], folder)
    file = folder.with_suffix(".patch")
    file.write_text(patch, "utf-8")
    run(["git", "apply", "--index", str(file)], folder)
    commit(folder, "Contributed", "v9999.1.1")
    return folder


def test_patch_renders_the_edits_of_the_project(small: Path, project: Path, tmp_path: Path) -> None:
    append(project / "app/main.py", "# Better.\n")
    append(project / ".env.example", "\n# Logo of Acme Shop, with {{ braces }}.\n#LOGO=\n")
    (project / "app/core/added.py").write_text('"""New."""\n')
    (project / "Procfile").unlink()
    files = ["app/main.py", ".env.example", "app/core/added.py", "Procfile"]

    result = launch(project, "--contribute", *files)

    assert result.code == 0
    template = _apply(small, result.output, tmp_path / "template")
    example = (template / "template/.env.example.jinja").read_text("utf-8")
    assert "# Logo of {{ project_name }}, with" in example
    again = render(template, tmp_path / "again/shop", ANSWERS, ref="v9999.1.1")
    for name in files[:3]:
        assert (again / name).read_bytes() == (project / name).read_bytes()
    assert not (again / "Procfile").exists()
    other = render(template, tmp_path / "other/shop", {"project_name": "Bob"}, ref="v9999.1.1")
    assert "# Logo of Bob, with {{ braces }}." in (other / ".env.example").read_text("utf-8")


def test_what_needs_a_person_is_said(project: Path) -> None:
    append(project / "app/main.py", "# For Acme Shop.\n")
    edit(project / "Dockerfile", "PYTHON_VERSION=3.13", "PYTHON_VERSION=3.14")
    append(project / "docs/update.md", "\nOurs.\n")
    result = launch(project, "--contribute", "app/main.py", "Dockerfile", "docs/update.md")
    assert result.code == 0
    assert "Dockerfile" not in result.output
    assert "docs/update.md" not in result.output
    notes = " ".join(result.notes.split())
    assert "app/main.py is the same in every project" in notes
    assert "template/Dockerfile.jinja by hand" in notes
    assert "docs/update.md is written from" in notes


@pytest.mark.parametrize("files", [[], ["app/main.py"], ["../elsewhere.py"], ["no-such-file"]])
def test_nothing_to_contribute_is_an_error(project: Path, files: list[str]) -> None:
    result = launch(project, "--contribute", *files)
    assert (result.code, result.output) == (1, "")
