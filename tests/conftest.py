"""Fixtures: a snapshot of the template, shared renders of it, and isolated settings."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from filelock import FileLock

from support.project import install, temporary_changes
from support.rendering import Render, shared_render
from support.snapshot import snapshot
from support.stack import DevStack, dev_stack

pytest_plugins = [
    "support.plugins.variant_report",
    "support.plugins.option_costs",
    "support.plugins.variants",
    "support.plugins.fast_renders",
    "support.plugins.platform_renders",
    "support.plugins.small_template",
]


def pytest_xdist_auto_num_workers() -> int:
    """One more than processors: a test that waits for its own processes uses none."""
    return (os.cpu_count() or 1) + 1


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the long tests first and the many short renders last."""
    items.sort(key=lambda item: ("network" not in item.keywords, "/render/" in item.nodeid))


@pytest.fixture(scope="session", autouse=True)
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Replace the settings of git and Copier of the person who runs the tests."""
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
        # Copier keeps a mirror of each address; two processes cannot refresh one at the same time.
        "COPIER_CACHE_DIR": str(home / "mirrors"),
        "NO_COLOR": "1",
        "TERM": "dumb",
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in settings.items():
            patch.setenv(name, value)
        # Set if a git hook runs these tests: git would use the repository of the hook.
        for name in ("GIT_DIR", "GIT_INDEX_FILE"):
            patch.delenv(name, raising=False)
        # Set in some containers: every command would compile all packages again.
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
    """The working tree of the template, committed and tagged. Read-only."""
    folder = shared / "template"
    with FileLock(shared / "template.lock"):
        if not folder.exists():
            snapshot(shared / "template.part").rename(folder)
    return folder


@pytest.fixture(scope="session")
def render(template: Path, shared: Path) -> Render:
    """`render(name=answer, …)`: the project of these answers and defaults. Read-only."""

    def render(**answers: object) -> Path:
        return shared_render(template, shared, answers)

    return render


@pytest.fixture(scope="session")
def project(render: Render) -> Path:
    """The project of the default answers. Read-only: copy it to change it."""
    return render()


@pytest.fixture(scope="session")
def shared_installed(render: Render, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The minimal project, committed and installed, once for all tests of a process."""
    return install(render(preset="minimal"), tmp_path_factory.mktemp("installed") / "demo")


@pytest.fixture
def installed(shared_installed: Path) -> Iterator[Path]:
    """The minimal project, committed and installed, which a test may change."""
    with temporary_changes(shared_installed) as project:
        yield project


@pytest.fixture(scope="session")
def running(render: Render, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DevStack]:
    """A minimal project of its own that runs; for tests of the group `running`, which share it."""
    folder = tmp_path_factory.mktemp("running") / "demo"
    with dev_stack(install(render(preset="minimal"), folder)) as stack:
        yield stack
