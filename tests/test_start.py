"""start.py, which requires only Python and Git."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from support.commands import attempt
from support.snapshot import ROOT

START = ROOT / "start.py"
FAKE_UV = """#!/bin/sh
if [ "$1" = --version ]; then echo "uv 99.0.0"; else echo "$PWD: $*"; fi
"""


@pytest.fixture
def tools(tmp_path: Path) -> Path:
    """A folder for PATH with Git and a uv that prints its arguments."""
    folder = tmp_path / "tools"
    folder.mkdir()
    (folder / "git").symlink_to(str(shutil.which("git")))
    (folder / "uv").write_text(FAKE_UV)
    (folder / "uv").chmod(0o755)
    (folder / "sh").symlink_to("/bin/sh")
    return folder


def start(*arguments: str, folder: Path, path: Path) -> subprocess.CompletedProcess[str]:
    return attempt([sys.executable, str(START), *arguments], folder, PATH=str(path))


def test_test_runs_pytest_of_this_repository(tools: Path, tmp_path: Path) -> None:
    result = start("test", "-k", "x y", folder=tmp_path, path=tools)
    assert result.stdout == f"{ROOT}: run pytest -k x y\n"


def test_demo_runs_an_existing_project(tools: Path, tmp_path: Path) -> None:
    project = tmp_path / "shop"
    (project / "app").mkdir(parents=True)
    (project / ".copier-answers.yml").touch()
    result = start("demo", "shop", folder=tmp_path, path=tools)
    assert result.stdout == f"{project}: run app dev\n"
    assert str(project) in result.stderr


def test_demo_renders_with_the_launcher_first(tools: Path, tmp_path: Path) -> None:
    made = FAKE_UV.replace("else", 'elif [ "$4" = new ] || [ "$5" = new ]; then mkdir shop; else')
    (tools / "uv").write_text(made)
    (tools / "mkdir").symlink_to(str(shutil.which("mkdir")))
    result = start("demo", "shop", folder=tmp_path, path=tools)
    assert result.returncode == 0, result.stderr
    assert result.stdout == f"{tmp_path / 'shop'}: run app dev\n"


def test_demo_refuses_a_folder_in_use(tools: Path, tmp_path: Path) -> None:
    (tmp_path / "used").mkdir()
    (tmp_path / "used/notes.txt").touch()
    result = start("demo", "used", folder=tmp_path, path=tools)
    assert result.returncode == 1
    assert str(tmp_path / "used") in result.stderr


@pytest.mark.parametrize("arguments", [[], ["deno"], ["demo", "--fast"], ["demo", "a", "b"]])
def test_unknown_command_prints_the_usage(
    arguments: list[str], tools: Path, tmp_path: Path
) -> None:
    result = start(*arguments, folder=tmp_path, path=tools)
    assert result.returncode == 1
    assert "python3 start.py demo [DEST]" in result.stderr


@pytest.mark.parametrize("command", ["demo", "test"])
def test_missing_git_is_an_error(command: str, tools: Path, tmp_path: Path) -> None:
    (tools / "git").unlink()
    result = start(command, folder=tmp_path, path=tools)
    assert result.returncode == 1
    assert result.stderr.startswith("git ")


def test_old_python_is_an_error(tmp_path: Path) -> None:
    code = (
        "import sys, runpy; sys.version_info = (3, 10, 4)\n"
        f"runpy.run_path({str(START)!r}, run_name='__main__')"
    )
    result = attempt([sys.executable, "-c", code], tmp_path)
    assert result.returncode == 1
    assert "3.11" in result.stderr
    assert "3.10" in result.stderr
    assert "Traceback" not in result.stderr


def test_failed_installation_of_uv_is_an_error(tools: Path, tmp_path: Path) -> None:
    checkout = tmp_path / "checkout"
    checkout.mkdir()
    shutil.copy(START, checkout)
    (tools / "uv").unlink()
    result = attempt(
        [sys.executable, str(checkout / "start.py"), "test"],
        tmp_path,
        PATH=str(tools),
        PIP_NO_INDEX="1",
        PIP_FIND_LINKS=str(tmp_path),
        PIP_CONFIG_FILE=os.devnull,
    )
    assert result.returncode == 1
    assert result.stderr.splitlines()[-1].startswith("uv ")
    assert not (checkout / ".uv").exists()


@pytest.mark.network
def test_uv_is_installed_into_the_checkout_and_used(tools: Path, tmp_path: Path) -> None:
    checkout = tmp_path / "checkout"
    checkout.mkdir()
    shutil.copy(START, checkout)
    (checkout / "pyproject.toml").write_text(
        '[project]\nname = "x"\nversion = "0"\nrequires-python = ">=3.11"\n'
        '[dependency-groups]\ndev = ["pytest"]\n'
    )
    (tools / "uv").write_text(FAKE_UV.replace("99.0.0", "0.4.1"))  # too old to be used
    command = [sys.executable, str(checkout / "start.py"), "test", "--version"]
    first = attempt(command, tmp_path, PATH=str(tools))
    assert first.returncode == 0, first.stderr
    assert first.stdout.startswith("pytest ")
    assert (checkout / ".uv").is_dir()
    second = attempt(command, tmp_path, PATH=str(tools))
    assert second.returncode == 0
    assert second.stderr == ""
