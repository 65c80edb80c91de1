"""The options in the files of a project, and the page on deployment, which speaks of options."""

import configparser

import pytest
from conftest import Render
from examples import files
from harness import tree

# The folder that each brings with packages of its own.
FOLDERS = {"redbeat": "schedules", "flower": "flower", "pgvector": "documents"}


@pytest.mark.parametrize(("option", "folder"), FOLDERS.items())
def test_an_option_that_is_on_is_there_and_its_packages_too(
    render: Render, option: str, folder: str
) -> None:
    files = tree(render(preset="minimal", **{option: True}))
    assert f"app/extensions/{folder}/__init__.py" in files
    assert any(name.startswith(f"tests/extensions/{folder}/") for name in files)
    assert f"\n{option} = [\n" in files["pyproject.toml"].decode("utf-8")
    assert f'\n    "{option}",\n' in files["pyproject.toml"].decode("utf-8")


def test_supervisor_runs_what_systemd_does() -> None:
    shown = files("deploy.md", "ini")
    (text,) = [text for name, text in shown.items() if name.endswith(".conf")]
    supervisor = configparser.ConfigParser(interpolation=None)
    supervisor.read_string(text)
    for section in supervisor.sections():
        program = section.removeprefix("program:")
        unit = shown[f"/etc/systemd/system/{program}.service"]
        assert f"ExecStart={supervisor[section]['command']}\n" in unit
