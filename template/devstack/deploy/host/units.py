"""The units of systemd. Each release has instances of its own: `app-api@RELEASE.service`."""

import re
from collections.abc import Iterator
from contextlib import suppress
from importlib.resources import files
from string import Template

from devstack.deploy.host.errors import HostError
from devstack.deploy.host.place import Place
from devstack.deploy.host.programs import run

# Units that exist once, whatever is released.
BOOT = "boot"
LINES = 20

HARDENING = """\
NoNewPrivileges=yes
CapabilityBoundingSet=
ProtectSystem=strict
ProtectHome=yes
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectKernelLogs=yes
ProtectControlGroups=yes
ProtectClock=yes
ProtectHostname=yes
PrivateTmp=yes
PrivateDevices=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
SystemCallArchitectures=native
UMask=0077"""


def rendered(place: Place) -> dict[str, str]:
    """Return the content of the units, by their file names."""
    values = {
        "name": place.name,
        "folder": place.folder,
        "user": place.user,
        "hardening": HARDENING,
        "instances": " ".join(f"{place.name}-{kind}@RELEASE.service" for kind in kinds()),
    }
    return {
        f"{place.name}-{name}": Template(text).substitute(values) for name, text in _templates()
    }


def kinds() -> list[str]:
    """Return the kinds of processes that a release has."""
    return sorted(name.partition("@")[0] for name, _ in _templates() if "@" in name)


def write(place: Place) -> None:
    """Write the units that have changed, and let systemd read them."""
    changed = False
    place.units.mkdir(parents=True, exist_ok=True)
    for name, text in rendered(place).items():
        path = place.units / name
        if not path.exists() or path.read_text() != text:
            path.write_text(text)
            changed = True
    if changed:
        run("systemctl", "daemon-reload")
    run("systemctl", "enable", f"{place.name}-{BOOT}.service")


def start(place: Place, release: str, *kinds: str) -> None:
    """Start processes of a release; those that run stay as they are."""
    worker = unit(place, "worker", release)
    if "worker" in kinds and state(place, "worker", release) == "deactivating":
        # It still has tasks, and takes no others. They return to the queue, if it has not ended.
        with suppress(HostError):
            run("systemctl", "kill", "--kill-whom=main", "--signal=SIGQUIT", worker)
        run("systemctl", "stop", worker)
    run("systemctl", "start", "--no-block", *(unit(place, kind, release) for kind in kinds))


def stop(place: Place, release: str) -> None:
    """Let every process of a release end: its requests and tasks are finished first.

    Returns as soon as the API has ended. A worker may need longer for its tasks.
    """
    others = [unit(place, kind, release) for kind in kinds() if kind != "api"]
    run("systemctl", "stop", "--no-block", *others)
    run("systemctl", "stop", unit(place, "api", release))


def running(place: Place) -> set[str]:
    """Return the releases that have processes, also those that are ending."""
    states = "--state=active,activating,deactivating,reloading"
    pattern = f"{place.name}-*@*.service"
    listed = run("systemctl", "list-units", "--plain", "--no-legend", states, pattern)
    return set(re.findall(r"^\S+?@(\S+)\.service", listed, re.MULTILINE))


def state(place: Place, kind: str, release: str) -> str:
    """Return what systemd calls the state of a process: `active`, `failed`, `inactive`, …."""
    shown = run("systemctl", "show", "--property=ActiveState", unit(place, kind, release))
    return shown.strip().partition("=")[2]


def require_undisturbed(place: Place, kind: str, release: str) -> None:
    """Return only if a process has not ended since its start.

    Raises:
        HostError: it has; the message has its last lines.
    """
    name = unit(place, kind, release)
    shown = run("systemctl", "show", "--property=ActiveState,SubState,NRestarts", name)
    values = dict(line.split("=", 1) for line in shown.split())
    has_ended = values["ActiveState"] in ("failed", "inactive")
    if has_ended or values["SubState"] == "auto-restart" or values["NRestarts"] != "0":
        raise HostError(f"{name} has ended. Its last lines:\n{last_lines(name)}")


def last_lines(name: str) -> str:
    """Return the end of the log of a unit."""
    return run("journalctl", "--no-pager", "--output=cat", f"--lines={LINES}", f"--unit={name}")


def unit(place: Place, kind: str, release: str) -> str:
    """Return the name of the unit of a process."""
    return f"{place.name}-{kind}@{release}.service"


def _templates() -> Iterator[tuple[str, str]]:
    for file in files("devstack.deploy.host").joinpath("units").iterdir():
        yield file.name, file.read_text("utf-8")
