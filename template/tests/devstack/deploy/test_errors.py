"""What goes wrong is one sentence, here and on the machine."""

import getpass
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from app.core.cli.errors import CliError
from devstack.deploy.bundle import KEYS, bundle
from devstack.deploy.secrets import write
from devstack.deploy.settings import DeploySettings
from devstack.deploy.ssh import Host
from devstack.secrets import inventory
from tests.support.processes import PROJECT


@pytest.fixture
def settings(tmp_path: Path) -> DeploySettings:
    """Those of a machine whose folder is that of the test."""
    return DeploySettings(
        host="127.0.0.1", domain="api.example.com", folder=str(tmp_path), user=getpass.getuser()
    )


def test_without_ssh(settings: DeploySettings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", settings.folder)
    with pytest.raises(CliError, match="`ssh` is not installed"):
        Host(settings).run("exit 0")


def test_an_error_of_the_machine(settings: DeploySettings) -> None:
    folder = Path(settings.folder)
    (folder / "current").touch()  # no link
    program = folder / "program"
    program.write_bytes(bundle())
    place = json.dumps(settings.model_dump(include=KEYS))
    done = subprocess.run(
        [sys.executable, program, "status", place, "{}"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.startswith("Error: ")
    assert not program.exists()


def test_a_database_that_does_not_answer() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "devstack.deploy.pending"],
        cwd=PROJECT,
        env=os.environ | {"DATABASE_URL": "postgresql://app@127.0.0.1:1/app"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("Error: The database does not answer")


@pytest.mark.parametrize(("lost", "found"), [(0, "A='new'\n"), (1, "old")])
def test_settings_that_arrive_in_part_do_not_replace_the_old_ones(
    settings: DeploySettings, monkeypatch: pytest.MonkeyPatch, lost: int, found: str
) -> None:
    class Cut(Host):
        def send(self, script: str, data: bytes) -> int:
            arrived = data[: len(data) - lost]
            return subprocess.run(["sh", "-c", script], input=arrived, check=False).returncode

    monkeypatch.setattr(inventory, "problems", lambda _: {})
    folder = Path(settings.folder)
    (folder / ".env").write_text("old")
    (folder / "production").write_text("A=new\n")
    if lost:
        with pytest.raises(CliError, match="could not be written"):
            write(Cut(settings), folder / "production")
    else:
        assert write(Cut(settings), folder / "production") == 1
    assert (folder / ".env").read_text() == found
