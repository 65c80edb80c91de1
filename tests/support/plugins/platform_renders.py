"""Renders of a template without most of the code, for tests of the files of platforms."""

import shutil
from pathlib import Path

import pytest
from filelock import FileLock

from support.commands import run
from support.rendering import Render, shared_render
from support.snapshot import commit
from support.trimming import trim

VERSION = "v9999.1.0"


@pytest.fixture(scope="session")
def without_code(template: Path, shared: Path) -> Path:
    """A template with the files outside of the code, tagged as VERSION. Read-only."""
    folder = shared / "without-code"
    with FileLock(shared / "without-code.lock"):
        if not folder.exists():
            made = shared / "without-code.part"
            run(["git", "clone", "--quiet", str(template), str(made)], shared)
            trim(made)
            shutil.rmtree(made / "template/web")
            commit(made, "Without most of the code", VERSION)
            made.rename(folder)
    return folder


@pytest.fixture(scope="session")
def render_platform(without_code: Path, shared: Path) -> Render:
    """As `render`, and much faster."""

    def render(**answers: object) -> Path:
        home = shared / "platforms"
        home.mkdir(exist_ok=True)
        return shared_render(without_code, home, answers, VERSION)

    return render
