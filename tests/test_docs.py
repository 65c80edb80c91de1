"""The documentation: the site builds, links lead to files, and the commands run.

Every shell block has a comment above it: `<!-- run in: PLACE -->` or `<!-- not run: REASON -->`.
"""

import re
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from scripts import constraints
from support.commands import attempt, run
from support.snapshot import ROOT
from support.sources import sources
from support.stack import DevStack

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(
    r"(?:^<!-- (?P<mark>[^\n]*) -->\n)?^```sh\n(?P<code>.*?)^```$", re.MULTILINE | re.DOTALL
)
PLACES = ("an empty folder", "a project", "a running project", "the checkout")


@dataclass(frozen=True)
class Block:
    """A shell block of a page, and the mark above it."""

    page: str
    line: int
    mark: str
    code: str


def blocks() -> list[Block]:
    found = []
    for page in PAGES:
        text = page.read_text("utf-8")
        for match in BLOCK.finditer(text):
            line = text[: match.start("code")].count("\n") + 1
            found.append(Block(page.name, line, match["mark"] or "", match["code"]))
    return found


def in_place(*places: str) -> list[object]:
    return [
        pytest.param(block, id=f"{block.page}:{block.line}")
        for block in blocks()
        if block.mark.removeprefix("run in: ") in places
    ]


def shell(block: Block, folder: Path, template: Path) -> None:
    run(["bash", "-euo", "pipefail", "-c", block.code], folder, TEMPLATE=template.as_uri())


def test_every_block_has_a_mark() -> None:
    assert blocks()
    for block in blocks():
        known = block.mark.removeprefix("run in: ") in PLACES
        assert known or block.mark.startswith("not run: "), f"{block.page}:{block.line}"


@pytest.mark.network
@pytest.mark.parametrize("block", in_place("an empty folder"))
def test_command_runs_in_an_empty_folder(block: Block, template: Path, tmp_path: Path) -> None:
    shell(block, tmp_path, template)
    assert (tmp_path / "my-shop/pyproject.toml").is_file()


@pytest.mark.network
@pytest.mark.xdist_group("installed")
@pytest.mark.parametrize("block", in_place("a project"))
def test_command_runs_in_a_project(block: Block, installed: Path, template: Path) -> None:
    shell(block, installed, template)


@pytest.mark.network
@pytest.mark.xdist_group("running")
@pytest.mark.parametrize("block", in_place("a running project"))
def test_command_runs_in_a_running_project(block: Block, running: DevStack, template: Path) -> None:
    shell(block, running.project, template)


@pytest.fixture(scope="module")
def checkout(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the template, whose environment is made by the first command that runs there."""
    folder = tmp_path_factory.mktemp("checkout") / "template"
    shutil.copytree(template, folder)
    return folder


@pytest.mark.network
@pytest.mark.xdist_group("checkout")
@pytest.mark.parametrize("block", in_place("the checkout"))
def test_command_runs_in_the_checkout(block: Block, checkout: Path, template: Path) -> None:
    shell(block, checkout, template)


def test_site_builds_without_a_warning(tmp_path: Path) -> None:
    for name in ("docs", "zensical.toml"):
        source = ROOT / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, tmp_path / name)
    result = attempt([str(Path(sys.executable).parent / "zensical"), "build", "--strict"], tmp_path)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "warning" not in (result.stdout + result.stderr).lower()
    for page in (tmp_path / "docs").glob("*.md"):
        built = "index.html" if page.stem == "index" else f"{page.stem}/index.html"
        assert (tmp_path / "site" / built).is_file()


def test_site_builder_finds_a_broken_link(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    shutil.copy(ROOT / "zensical.toml", tmp_path)
    for page in (ROOT / "docs").glob("*.md"):
        (tmp_path / "docs" / page.name).write_text("# Page\n\n[nowhere](no-such-page.md)\n")
    zensical = str(Path(sys.executable).parent / "zensical")
    assert attempt([zensical, "build", "--strict"], tmp_path).returncode != 0


def test_links_between_files_lead_to_files() -> None:
    for page in PAGES:
        for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text("utf-8")):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_files_that_the_page_on_the_architecture_names_exist() -> None:
    text = (ROOT / "docs/architecture-project.md").read_text("utf-8")
    named = set(re.findall(r"`((?:app|devstack|tests)/[\w/.]+)`", text))
    assert len(named) > 20
    assert {name for name in named if not sources(name)} == set()


def test_constraints_are_the_same_in_both_places() -> None:
    pins = [
        line
        for line in constraints.CONSTRAINTS.read_text("utf-8").splitlines()
        if not line.startswith("#")
    ]
    pyproject = (ROOT / "pyproject.toml").read_text("utf-8")
    assert pins
    assert constraints.with_block(pyproject, pins) == pyproject
    assert "://" not in "".join(pins)
