"""The files for tools of developers: each is rendered on demand, and accepted by its tool."""

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from itertools import combinations
from pathlib import Path

import pytest

from scripts.matrix import questions
from support.answers import CHECKS
from support.commands import run
from support.rendering import Render, tree

FILES = {
    "mise": {"mise.toml"},
    "direnv": {".envrc"},
    "devcontainer": {".devcontainer/Dockerfile", ".devcontainer/devcontainer.json"},
}
TOOLS = Path(sys.executable).parent
# Versions of the programs, which npm brings.
MISE = "@jdxcode/mise@2026.9.15"
DEVCONTAINERS = "@devcontainers/cli@0.89.0"

needs_npm = pytest.mark.skipif(not shutil.which("npx"), reason="needs npx: apt-get install npm")


@pytest.fixture
def everything(render: Render) -> Path:
    """A project with the files of all tools, and a name that is hard to quote."""
    return render(tools=list(FILES), project_name='Bob\'s "Best" {{ Shop }} 日本')


def test_every_tool_is_tested() -> None:
    assert list(questions()["tools"]["choices"].values()) == list(FILES)


@pytest.mark.parametrize(
    "chosen", [each for number in range(4) for each in combinations(FILES, number)]
)
def test_only_the_files_of_the_chosen_tools_are_rendered(
    render: Render, chosen: tuple[str, ...]
) -> None:
    files = {path for tool in chosen for path in FILES[tool]}
    added = tree(render(tools=list(chosen))).keys() - tree(render(tools=[])).keys()
    assert added == files


def test_none_is_the_default(render: Render) -> None:
    for tool, files in FILES.items():
        for file in files:
            assert not (render(preset="everything") / file).exists(), tool


@pytest.mark.parametrize(
    "value", [[], ["mise"], ["direnv", "mise"], "[]", "[mise]", "[mise, devcontainer]"]
)
def test_lists_are_accepted(value: object) -> None:
    assert CHECKS.refuse_answer("tools", value).strip() == ""


@pytest.mark.parametrize(
    "value", ["mise", "[asdf]", ["asdf"], None, True, {"mise": 1}, "", "[mise"]
)
def test_anything_else_is_refused(value: object) -> None:
    assert CHECKS.refuse_answer("tools", value).strip().startswith("tools must be a list")


def test_versions_are_those_of_the_image(everything: Path) -> None:
    image = (everything / "Dockerfile").read_text()
    (uv,) = re.findall(r"^FROM astral/uv:(\S+) AS uv$", image, re.MULTILINE)
    (python,) = re.findall(r"^ARG PYTHON_VERSION=(\S+)$", image, re.MULTILINE)
    tools = tomllib.loads((everything / "mise.toml").read_text())["tools"]
    assert (tools["uv"], tools["python"]) == (uv, python)
    container = (everything / ".devcontainer/Dockerfile").read_text()
    assert f"FROM astral/uv:{uv} AS uv\n" in container
    assert f"FROM python:{python}-slim-trixie\n" in container


def lint(program: str, *arguments: str) -> int:
    return subprocess.run(
        [TOOLS / program, *arguments], capture_output=True, check=False
    ).returncode


def test_linters_accept_them(everything: Path, tmp_path: Path) -> None:
    commands = {
        ".envrc": ("shellcheck",),
        ".devcontainer/Dockerfile": ("hadolint", "--failure-threshold", "style"),
    }
    faults = {".envrc": 'cd "$HOME\n', ".devcontainer/Dockerfile": "RUN cd /x\n"}
    for name, command in commands.items():
        assert lint(*command, str(everything / name)) == 0, name
        broken = tmp_path / "broken"
        broken.write_text((everything / name).read_text() + faults[name])
        assert lint(*command, str(broken)) != 0, name


def test_direnv_finds_the_commands(everything: Path, tmp_path: Path) -> None:
    """With stand-ins for uv and for the functions of direnv."""
    (tmp_path / "uv").write_text('#!/bin/sh\necho "uv $*"\n')
    (tmp_path / "uv").chmod(0o755)
    functions = """
    watch_file() { for file; do test "$file" = uv.lock || test -f "$file"; done; }
    PATH_add() { PATH="$PWD/$1:$PATH"; }
    source_env_if_exists() { test ! -f "$1" || . "./$1"; }
    """
    script = f'set -eu\n{functions}\n. ./.envrc\necho "$VIRTUAL_ENV ${{PATH%%:*}}"'
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    output = run(["bash", "-c", script], everything, PATH=path).splitlines()
    assert output == ["uv sync --quiet", f"{everything}/.venv {everything}/.venv/bin"]


@needs_npm
@pytest.mark.network
def test_mise_reads_its_file(everything: Path, tmp_path: Path) -> None:
    shutil.copy(everything / "mise.toml", tmp_path)
    home = {"HOME": str(tmp_path / "home"), "MISE_TRUSTED_CONFIG_PATHS": str(tmp_path)}
    mise = ["npx", "--yes", MISE]
    listed = json.loads(run([*mise, "ls", "--json", "--offline"], tmp_path, **home))
    assert listed.keys() == {"python", "uv", "just"}
    run([*mise, "fmt", "--check"], tmp_path, **home)


@needs_npm
@pytest.mark.network
def test_a_dev_container_is_described(everything: Path) -> None:
    # It asks Docker for a container that runs. `true` says that there is none.
    options = ["--workspace-folder", ".", "--docker-path", "true"]
    command = ["npx", "--yes", DEVCONTAINERS, "read-configuration", *options]
    read = json.loads(run(command, everything))["configuration"]
    assert read["name"] == 'Bob\'s "Best" {{ Shop }} 日本'
    assert read["build"]["dockerfile"] == "Dockerfile"
    assert read["remoteUser"] == "dev"
