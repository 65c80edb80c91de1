"""The example in docs/fork.md: a fork of this repository, whose tests use the plugin of pytest."""

import re
import shutil
import sys
from pathlib import Path

import pytest

from support.commands import attempt, run
from support.examples import files
from support.project import constraints
from support.snapshot import FIRST_TAG


@pytest.fixture(scope="module")
def fork(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone of the template with the files of the page, not committed."""
    folder = tmp_path_factory.mktemp("fork") / "our-template"
    run(["git", "clone", "--quiet", str(template), str(folder)], folder.parent)
    run(["git", "tag", "--force", FIRST_TAG], folder)
    for language in ("ini", "yaml", "python"):
        for name, text in files("fork.md", language).items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text, "utf-8")
    pyproject = folder / "template/pyproject.toml.jinja"
    text = pyproject.read_text("utf-8")
    pyproject.write_text(text.replace("[tool.uv]\n", f"[tool.uv]\n{constraints()}"), "utf-8")
    return folder


def pytest_of(fork: Path, *arguments: str) -> str:
    options = ("-c", "tests/fork/pytest.ini", "-p", "no:cacheprovider")
    command = [sys.executable, "-m", "pytest", *options, *arguments, "tests/fork"]
    result = attempt(command, fork)
    print(result.stdout, result.stderr)
    return result.stdout


@pytest.mark.network
def test_example_of_the_page_passes(fork: Path) -> None:
    assert re.search(r"\n5 passed\b", pytest_of(fork, "-q"))


def test_tests_of_the_fork_see_its_working_tree(fork: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(fork, broken)
    (broken / "template/app/extensions/ping/routes.py").unlink()
    output = pytest_of(broken, "-q", "-k", "test_render or test_updated")
    assert re.search(r"\n2 failed, 3 deselected\b", output)


def test_matrix_gives_a_test_for_each_entry(fork: Path, tmp_path: Path) -> None:
    wider = tmp_path / "wider"
    shutil.copytree(fork, wider)
    (wider / "tests/fork/answers.yml").write_text("one: {preset: minimal}\ntwo: {cache: true}\n")
    listed = pytest_of(wider, "-q", "--collect-only")
    assert "test_running[one]" in listed
    assert "test_running[two]" in listed
    assert "test_render\n" in listed
