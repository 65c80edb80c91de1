"""The options in the files of a project, and the page on deployment, which describes options."""

import configparser
import re

import pytest

from scripts.declaration import load_options
from support.examples import files
from support.rendering import Render, tree
from support.snapshot import ROOT

# The options with a dependency group, and the folder of each.
FOLDERS = {"redbeat": "schedules", "flower": "flower", "pgvector": "documents"}


@pytest.mark.parametrize(("option", "folder"), FOLDERS.items())
def test_option_has_its_folder_and_dependency_group(
    render: Render, option: str, folder: str
) -> None:
    files = tree(render(preset="minimal", **{option: True}))
    assert f"app/extensions/{folder}/__init__.py" in files
    assert any(name.startswith(f"tests/extensions/{folder}/") for name in files)
    assert f"\n{option} = [\n" in files["pyproject.toml"].decode("utf-8")
    assert f'\n    "{option}",\n' in files["pyproject.toml"].decode("utf-8")


def test_the_readme_names_every_option() -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    named = re.search(r"\[((?:`\w+`,?\s*)+)\]\(docs/options\.md\)", text)
    assert named
    assert re.findall(r"`(\w+)`", named[1]) == [option.name for option in load_options()]


def test_supervisor_runs_the_same_commands_as_systemd() -> None:
    shown = files("deploy.md", "ini")
    (text,) = [text for name, text in shown.items() if name.endswith(".conf")]
    supervisor = configparser.ConfigParser(interpolation=None)
    supervisor.read_string(text)
    for section in supervisor.sections():
        program = section.removeprefix("program:")
        unit = shown[f"/etc/systemd/system/{program}.service"]
        assert f"ExecStart={supervisor[section]['command']}\n" in unit
