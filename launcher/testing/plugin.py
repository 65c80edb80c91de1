"""A plugin of pytest for templates that were made from this one.

    pytest -p launcher.testing.plugin --template FOLDER

`--template` is the option of pytest-copie. The setting `template_answers` names a YAML file
that maps names to answers: each test that uses `answers`, `installed` or `running` runs with all of
them.
"""

import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import copier
import pytest
import yaml

from launcher.project import conflicts
from launcher.testing.commands import run
from launcher.testing.snapshot import TAG, commit, take
from launcher.testing.stack import DevStack, dev_stack

Render = Callable[..., Path]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the setting `template_answers`."""
    parser.addini("template_answers", "YAML file that maps names to answers", default="")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run the tests of projects with the answers of each entry of the file."""
    if "answers" in metafunc.fixturenames:
        matrix = _matrix(metafunc.config)
        metafunc.parametrize(
            "answers", matrix.values(), ids=list(matrix), scope="session", indirect=True
        )


@pytest.fixture(scope="session")
def answers(request: pytest.FixtureRequest) -> dict[str, Any]:
    """The answers of one entry of `template_answers`."""
    found: dict[str, Any] = request.param
    return found


@pytest.fixture(scope="session")
def tagged_template(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Path]:
    """The working tree of the template, committed and tagged. Read-only."""
    home = tmp_path_factory.mktemp("template")
    (home / "gitconfig").write_text("[user]\nname = Test\nemail = test@example.com\n")
    (home / "copier.yml").write_text("{}\n")
    with pytest.MonkeyPatch.context() as patch:
        # The settings of the person who runs the tests must not change their result.
        patch.setenv("GIT_CONFIG_GLOBAL", str(home / "gitconfig"))
        patch.setenv("GIT_CONFIG_NOSYSTEM", "1")
        patch.setenv("COPIER_SETTINGS_PATH", str(home / "copier.yml"))
        patch.setenv("COPIER_CACHE_DIR", str(home / "mirrors"))
        yield take(Path(request.config.option.template), home / "template")


@pytest.fixture(scope="session")
def render(tagged_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Render:
    """`render(name=answer, …)`: a project of these answers and defaults, rendered once."""
    made: dict[str, Path] = {}

    def render(**answers: Any) -> Path:
        key = repr(sorted(answers.items()))
        if key not in made:
            made[key] = tmp_path_factory.mktemp("rendered") / "demo"
            _render(tagged_template, made[key], answers, TAG)
        return made[key]

    return render


@pytest.fixture(scope="session")
def installed(
    render: Render, answers: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A committed project of `answers` with its packages in an environment of its own."""
    folder = tmp_path_factory.mktemp("installed") / "demo"
    shutil.copytree(render(**answers), folder)
    run(["uv", "sync", "--quiet"], folder)
    run(["git", "init", "--quiet"], folder)
    commit(folder, "Start from the template")
    return folder


@pytest.fixture(scope="session")
def running(installed: Path) -> Iterator[DevStack]:
    """`uv run app dev` of the installed project; `running.url` is the address of its API."""
    with dev_stack(installed) as stack:
        yield stack


@pytest.fixture
def updated(tagged_template: Path, tmp_path: Path) -> Callable[..., Path]:
    """`updated(from_version, name=answer, …)`: a project of a tag, updated to the working tree.

    The update fails the test if it leaves conflicts.
    """

    def updated(from_version: str, **answers: Any) -> Path:
        project = tmp_path / from_version / "demo"
        _render(tagged_template, project, answers, from_version)
        run(["git", "init", "--quiet"], project)
        commit(project, "Start from the template")
        copier.run_update(
            project, vcs_ref=TAG, defaults=True, overwrite=True, quiet=True, unsafe=False
        )
        assert conflicts(project) == []
        return project

    return updated


def _render(template: Path, folder: Path, answers: Mapping[str, Any], ref: str) -> None:
    """Render without trust: a task or a Jinja extension of the template would fail here."""
    config = yaml.safe_load((template / "copier.yml").read_text("utf-8"))
    unknown = {name for name in answers if name not in config}
    assert not unknown, f"no such question: {unknown}"  # a quiet Copier would accept it
    copier.run_copy(
        str(template),
        folder,
        data=dict(answers),
        vcs_ref=ref,
        defaults=True,
        quiet=True,
        unsafe=False,
    )


def _matrix(config: pytest.Config) -> dict[str, dict[str, Any]]:
    name = config.getini("template_answers")
    if not name:
        return {"defaults": {}}
    read: dict[str, dict[str, Any]] = yaml.safe_load((config.rootpath / name).read_text("utf-8"))
    return read
