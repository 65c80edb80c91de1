"""The units: accepted by systemd, hardened, and with the times that processes need to end."""

import getpass
import shutil
import subprocess
from pathlib import Path

import pytest

from app.core.settings import get_settings
from devstack.deploy.host import units
from devstack.deploy.host.place import Place

RELEASE = "20260101-000000-abc"


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """A machine on which a release is installed."""
    home = tmp_path / "srv/app"
    binaries = home / "releases" / RELEASE / ".venv/bin"
    binaries.mkdir(parents=True)
    for name in ("app", "uvicorn"):
        (binaries / name).write_text("#!/bin/sh\n")
        (binaries / name).chmod(0o755)
    (home / "releases" / RELEASE / "release.env").touch()
    user = getpass.getuser()
    return Place("app", str(home), user, "api.example.com", str(tmp_path), True, 5, 60, 10)


def services(place: Place) -> dict[str, str]:
    return {name: text for name, text in units.rendered(place).items() if "@" in name}


def test_each_process_of_a_project_has_a_unit(place: Place) -> None:
    assert {"api", "worker", "beat"} <= set(units.kinds())
    assert set(units.rendered(place)) == {
        "app-boot.service",
        *(f"app-{kind}@.service" for kind in units.kinds()),
    }


@pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="no systemd here (apt-get install systemd)"
)
def test_systemd_accepts_them(place: Place, tmp_path: Path) -> None:
    for name, text in units.rendered(place).items():
        (tmp_path / name.replace("@", f"@{RELEASE}")).write_text(text)
    names = [str(path) for path in tmp_path.glob("*.service")]
    done = subprocess.run(
        ["systemd-analyze", "verify", *names], capture_output=True, text=True, check=False
    )
    assert [line for line in done.stderr.splitlines() if "app-" in line] == []
    broken = services(place)["app-worker@.service"].replace("KillMode=mixed", "KillMode=odd")
    (tmp_path / f"app-worker@{RELEASE}.service").write_text(broken)
    done = subprocess.run(
        ["systemd-analyze", "verify", *names], capture_output=True, text=True, check=False
    )
    assert "kill mode" in done.stderr


def test_they_are_hardened(place: Place) -> None:
    for text in services(place).values():
        assert f"User={place.user}\n" in text
        for line in ("NoNewPrivileges=yes", "ProtectSystem=strict", "CapabilityBoundingSet="):
            assert f"\n{line}\n" in text


def test_they_have_the_time_to_end(place: Place) -> None:
    found = services(place)
    assert "--timeout-graceful-shutdown 25\n" in found["app-api@.service"]
    assert "TimeoutStopSec=30\n" in found["app-api@.service"]
    limit = get_settings().celery_time_limit
    assert f"TimeoutStopSec={limit + 10}\n" in found["app-worker@.service"]
    # Its children finish their tasks.
    assert "KillMode=mixed\n" in found["app-worker@.service"]
