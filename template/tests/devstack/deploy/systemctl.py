"""A stand-in for `systemctl` and `journalctl`, which runs the commands of unit files for real.

A process of this program supervises each unit as systemd does: it starts `ExecStart`, restarts it,
stops it with the signal, the mode and the timeout of the unit, and makes its folders. What needs
the rights of root (users, hardening) is left out. `DEPLOY_TEST_ROOT` is the folder of everything.
"""

import contextlib
import fnmatch
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(os.environ["DEPLOY_TEST_ROOT"])
UNITS = ROOT / "etc/systemd/system"
RUN, STATE_FOLDER = ROOT / "run", ROOT / "var/lib"
STATES, LOGS = ROOT / "systemd/states", ROOT / "systemd/logs"
POLL_SECONDS = 0.02
RUNNING = ("active", "activating", "deactivating")
INACTIVE: dict[str, Any] = {"ActiveState": "inactive", "SubState": "dead", "NRestarts": 0}


def read(unit: str) -> dict[str, list[str]]:
    """The settings of a unit, with its specifiers filled in."""
    name, _, instance = unit.removesuffix(".service").partition("@")
    path = UNITS / (f"{name}@.service" if instance else f"{name}.service")
    values = {"%i": instance, "%t": str(RUN), "%S": str(STATE_FOLDER), "$$": "$"}
    found: dict[str, list[str]] = {}
    for line in path.read_text().splitlines():
        key, is_setting, value = line.partition("=")
        if is_setting and not line.startswith("#"):
            for old, new in values.items():
                value = value.replace(old, new)
            found.setdefault(key, []).append(value)
    return found


def state(unit: str) -> dict[str, Any]:
    """The state that the supervisor of a unit has written, if it lives."""
    try:
        found: dict[str, Any] = json.loads((STATES / unit).read_text())
        os.kill(found["supervisor"], 0)
    except (FileNotFoundError, ProcessLookupError):
        return INACTIVE
    return found


class Supervisor:
    """Runs one unit until it is stopped."""

    def __init__(self, unit: str) -> None:
        self.unit, self.settings = unit, read(unit)
        self.restarts = self.main = 0
        self.stopping = False
        signal.signal(signal.SIGTERM, self._stop)

    def _stop(self, *_: object) -> None:
        self.stopping = True

    def one(self, key: str, default: str = "") -> str:
        return self.settings.get(key, [default])[-1]

    def write(self, active: str, sub: str) -> None:
        values = {"ActiveState": active, "SubState": sub, "NRestarts": self.restarts}
        values["main"] = self.main
        if not STATES.exists():
            return
        new = STATES / f".{self.unit}.{os.getpid()}"
        new.write_text(json.dumps({**values, "supervisor": os.getpid()}))
        new.replace(STATES / self.unit)

    def environment(self) -> dict[str, str]:
        given = {name: os.environ[name] for name in ("PATH", "DEPLOY_TEST_ROOT")}
        for path in self.settings.get("EnvironmentFile", []):
            lines = Path(path).read_text().splitlines()
            given |= dict(line.split("=", 1) for line in lines if line)
        assignments = [
            each for line in self.settings.get("Environment", []) for each in shlex.split(line)
        ]
        return given | dict(each.split("=", 1) for each in assignments)

    def folders(self) -> None:
        for key, parent in (("RuntimeDirectory", RUN), ("StateDirectory", STATE_FOLDER)):
            if name := self.one(key):
                (parent / name).mkdir(parents=True, exist_ok=True)

    def run(self) -> None:
        self.write("active", "running")
        while not self.stopping:
            self.folders()
            with (LOGS / self.unit).open("ab") as log:
                process = subprocess.Popen(
                    shlex.split(self.one("ExecStart")),
                    cwd=self.one("WorkingDirectory", "/"),
                    env=self.environment(),
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )
            self.main = process.pid
            self.write("active", "running")
            while process.poll() is None and not self.stopping:
                time.sleep(POLL_SECONDS)
                # Nothing is left of a test run that was killed.
                self.stopping |= not ROOT.exists()
            self.end(process)
            if not self.stopping:
                self.write("activating", "auto-restart")
                deadline = time.monotonic() + float(self.one("RestartSec", "0.1"))
                while time.monotonic() < deadline and not self.stopping:
                    time.sleep(POLL_SECONDS)
                self.restarts += 1
        if name := self.one("RuntimeDirectory"):
            shutil.rmtree(RUN / name, ignore_errors=True)
        (STATES / self.unit).unlink(missing_ok=True)

    def end(self, process: "subprocess.Popen[bytes]") -> None:
        if process.poll() is None:
            self.write("deactivating", "stop-sigterm")
            number = signal.Signals[self.one("KillSignal", "SIGTERM")]
            with contextlib.suppress(ProcessLookupError):
                if self.one("KillMode") == "mixed":
                    process.send_signal(number)
                else:
                    os.killpg(process.pid, number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(float(self.one("TimeoutStopSec", "90")))
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def start(unit: str) -> None:
    if state(unit)["ActiveState"] in ("active", "activating"):
        return
    settings = read(unit)
    if settings.get("Type") == ["oneshot"]:
        subprocess.run(shlex.split(settings["ExecStart"][0]), check=True)
        return
    while state(unit)["ActiveState"] == "deactivating":
        time.sleep(POLL_SECONDS)
    subprocess.Popen(
        [sys.executable, __file__, "supervise", unit],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    while state(unit) is INACTIVE:
        time.sleep(POLL_SECONDS)


def stop(unit: str, *, block: bool) -> None:
    found = state(unit)
    if found is INACTIVE:
        return
    with contextlib.suppress(ProcessLookupError):
        os.kill(found["supervisor"], signal.SIGTERM)
    while block and state(unit) is not INACTIVE:
        time.sleep(POLL_SECONDS)


def systemctl(command: str, options: list[str], units: list[str]) -> None:
    match command:
        case "start":
            for unit in units:
                start(unit)
        case "stop":
            for unit in units:
                stop(unit, block="--no-block" not in options)
        case "reload-or-restart":
            for unit in units:
                if state(unit) is INACTIVE:
                    start(unit)
                else:
                    subprocess.run(shlex.split(read(unit)["ExecReload"][0]), check=True)
        case "show":
            (names,) = (each for each in options if each.startswith("--property="))
            for name in names.partition("=")[2].split(","):
                print(f"{name}={state(units[0])[name]}")
        case "list-units":
            for path in sorted(STATES.glob("[!.]*")):
                if fnmatch.fnmatch(path.name, units[0]) and state(path.name) is not INACTIVE:
                    print(f"{path.name} loaded {state(path.name)['ActiveState']} - -")
        case "kill":
            os.kill(state(units[0])["main"], signal.SIGQUIT)
        case "enable" | "daemon-reload":
            pass
        case _:
            sys.exit(f"unknown command {command}")


def main() -> None:
    for folder in (STATES, LOGS, RUN, STATE_FOLDER):
        folder.mkdir(parents=True, exist_ok=True)
    if sys.argv[1:2] == ["supervise"]:
        Supervisor(sys.argv[2]).run()
        return
    options = [each for each in sys.argv[1:] if each.startswith("-")]
    words = [each for each in sys.argv[1:] if not each.startswith("-")]
    if words[:1] == ["journal"]:
        (pattern,) = (each.partition("=")[2] for each in options if each.startswith("--unit="))
        for path in sorted(LOGS.iterdir()):
            if fnmatch.fnmatch(path.name, f"{pattern.removesuffix('.service')}*"):
                print(path.read_text())
        return
    systemctl(words[0], options, words[1:])


main()
