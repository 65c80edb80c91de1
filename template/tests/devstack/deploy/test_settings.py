"""`deploy.toml`, the file with the settings of the machine, and the checks before a copy."""

import io
import subprocess
from pathlib import Path

import dotenv
import pytest

from app.core.cli.errors import CliError
from devstack.deploy.release import new_release
from devstack.deploy.secrets import quoted
from devstack.deploy.settings import EXAMPLE, DeploySettings
from devstack.deploy.ssh import Host


def read(folder: Path, text: str) -> DeploySettings:
    (folder / "deploy.toml").write_text(text)
    return DeploySettings.read(folder)


def test_two_lines_are_enough(tmp_path: Path) -> None:
    settings = read(tmp_path, EXAMPLE)
    assert (settings.folder, settings.user) == ("/srv/app", "app")
    settings = read(tmp_path, f'{EXAMPLE}\nname = "shop"')
    assert (settings.folder, settings.user) == ("/srv/shop", "shop")


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ('host = "-oProxyCommand=evil"\ndomain = "api.example.com"', "host"),
        ('host = "root@example.com"', "domain"),
        ('host = "root@example.com"\ndomain = "a.example {"', "domain"),
        (f'{EXAMPLE}\nfolder = "/srv/$(evil)"', "folder"),
        (f'{EXAMPLE}\nname = "a b"', "name"),
        (f'{EXAMPLE}\nuser = "app\\nUser=root"', "user"),
        (f'{EXAMPLE}\ndomian = ""', "domian"),
        ("host =", "Invalid value"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, word: str) -> None:
    with pytest.raises(CliError, match=word):
        read(tmp_path, text)


def test_without_a_file_its_content_is_shown(tmp_path: Path) -> None:
    with pytest.raises(CliError, match=r"api\.example\.com"):
        DeploySettings.read(tmp_path)


def test_a_user_without_rights_uses_sudo(tmp_path: Path) -> None:
    settings = read(tmp_path, f"{EXAMPLE}\nsudo = true")
    assert Host(settings).command("exit 3")[-1] == "sudo -n sh -c 'exit 3'"


@pytest.mark.parametrize("value", ["plain", "it's", "a\\b", 'x"y', "#no", "${HOME}", "two\nlines"])
def test_a_value_arrives_as_it_is(value: str) -> None:
    text = f"A={quoted('A', value)}\n"
    # As the settings read it: variables in a value are replaced.
    assert dotenv.dotenv_values(stream=io.StringIO(text)) == {"A": value}


def test_only_what_is_committed_is_released(tmp_path: Path) -> None:
    def git(*arguments: str) -> None:
        names = ("-c", "user.name=Test", "-c", "user.email=test@example.com")
        subprocess.run(["git", *names, *arguments], cwd=tmp_path, check=True)

    git("init", "--quiet")
    (tmp_path / "file").write_text("1")
    git("add", "--all")
    git("commit", "--quiet", "--message", "first")
    with pytest.raises(CliError, match=r"uv\.lock"):
        new_release(tmp_path)
    (tmp_path / "uv.lock").touch()
    git("add", "--all")
    git("commit", "--quiet", "--message", "second")
    assert new_release(tmp_path)
    (tmp_path / "file").write_text("2")
    with pytest.raises(CliError, match="1 changed files"):
        new_release(tmp_path)
