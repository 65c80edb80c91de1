"""Fixtures: a snapshot of the template, shared renders of it, and a machine without settings."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from filelock import FileLock
from harness import shared_render, snapshot
from running import DevStack, borrowed, dev_stack, install

pytest_plugins = ["progress", "costs", "behaving", "quick"]
Render = Callable[..., Path]


def pytest_xdist_auto_num_workers() -> int:
    """One more than processors: a test that waits for processes of its own leaves one idle."""
    return (os.cpu_count() or 1) + 1


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes minutes comes first, and renders last: they are many and short."""
    items.sort(key=lambda item: ("network" not in item.keywords, "/render/" in item.nodeid))


@pytest.fixture(scope="session", autouse=True)
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """No settings of git or Copier but these, whoever runs the tests."""
    home = tmp_path_factory.mktemp("machine")
    (home / "gitconfig").write_text(
        "[user]\nname = Test Person\nemail = person@example.com\n[init]\ndefaultBranch = main\n"
        "[core]\nautocrlf = false\n[advice]\ndetachedHead = false\n"
    )
    (home / "copier.yml").write_text("{}\n")
    settings = {
        "GIT_CONFIG_GLOBAL": str(home / "gitconfig"),
        "GIT_CONFIG_NOSYSTEM": "1",
        "COPIER_SETTINGS_PATH": str(home / "copier.yml"),
        # It keeps a mirror of each address; two processes that refresh one get in each other's way.
        "COPIER_CACHE_DIR": str(home / "mirrors"),
        "NO_COLOR": "1",
        "TERM": "dumb",
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in settings.items():
            patch.setenv(name, value)
        # A hook that runs these tests must not point their repositories at its own.
        for name in ("GIT_DIR", "GIT_INDEX_FILE"):
            patch.delenv(name, raising=False)
        # Without bytecode, as some containers run, every command would compile all packages anew.
        patch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
        yield home


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """A folder that all workers of this run share."""
    base = tmp_path_factory.getbasetemp()
    folder = (base if worker_id == "master" else base.parent) / "shared"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def template(shared: Path, machine: Path) -> Path:  # noqa: ARG001  git needs its settings
    """The template as it is on disk, committed and tagged. Read-only."""
    folder = shared / "template"
    with FileLock(shared / "template.lock"):
        if not folder.exists():
            snapshot(shared / "template.part").rename(folder)
    return folder


@pytest.fixture(scope="session")
def render(template: Path, shared: Path) -> Render:
    """`render(name=answer, …)`: the project of these answers, else the defaults. Read-only."""

    def renders(**answers: object) -> Path:
        return shared_render(template, shared, answers)

    return renders


@pytest.fixture(scope="session")
def project(render: Render) -> Path:
    """The project of the default answers. Read-only: copy it before changing anything."""
    return render()


@pytest.fixture(scope="session")
def kept_installed(render: Render, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The minimal project, committed and installed, once for all tests of a process."""
    return install(render(preset="minimal"), tmp_path_factory.mktemp("installed") / "demo")


@pytest.fixture
def installed(kept_installed: Path) -> Iterator[Path]:
    """The minimal project, committed and installed, to change things in."""
    with borrowed(kept_installed) as project:
        yield project


@pytest.fixture(scope="session")
def running(render: Render, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DevStack]:
    """A minimal project of its own that runs; for tests of the group `running`, which share it."""
    folder = tmp_path_factory.mktemp("running") / "demo"
    with dev_stack(install(render(preset="minimal"), folder)) as stack:
        yield stack
