"""A machine to deploy to: sshd, Caddy and a stand-in for systemd, all in one folder."""

import contextlib
import getpass
import json
import os
import shutil
import signal
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from devstack.ports import free_port
from tests.support.processes import PROJECT

HERE = Path(__file__).parent
SYSTEMCTL = HERE / "systemctl.py"
SAMPLE = HERE / "sample"
# That of the project, whose wheel brings Caddy, and that of root.
PATH = f"{Path(sys.executable).parent}:{os.environ['PATH']}:/usr/sbin"
SSHD = shutil.which("sshd", path=PATH)
PROGRAMS = {
    "sshd": ("openssh-server", SSHD),
    "ssh": ("openssh-client", shutil.which("ssh")),
    "caddy": ("caddy", shutil.which("caddy", path=PATH)),
    "flock": ("util-linux", shutil.which("flock")),
}
MISSING = [package for package, found in PROGRAMS.values() if found is None]
requires_machine = pytest.mark.skipif(
    bool(MISSING) or sys.platform != "linux",
    reason=f"no machine to deploy to here (apt-get install {' '.join(MISSING)})",
)

# Runs `app deploy` for another folder than that of the project, and with other parts.
DRIVER = """
import sys
from pathlib import Path
from app.core.cli import errors
from devstack.commands import deploy
from devstack.deploy import release
from devstack.deploy.parts import Part
deploy.ROOT = Path(sys.argv.pop(1))
found = {parts}
deploy.parts = release.parts = lambda: found
errors.run(deploy.cli)
"""
# One that is built before the copy, and one that the host builds.
PARTS = """[
    Part("made", "SAMPLE_MADE", make=lambda root: root / "app"),
    Part("collected", "SAMPLE_COLLECTED", command=("collect",)),
]"""
CADDY = """\
{{
	admin unix/{root}/caddy.sock
	skip_install_trust
	auto_https disable_redirects
	storage file_system {root}/caddy
}}
"""
CADDY_UNIT = """\
[Service]
ExecStart=caddy run --config {file} --adapter caddyfile
ExecReload=caddy reload --config {file} --adapter caddyfile --address unix/{root}/caddy.sock
"""
# In place of uv: the packages are those of the tests, the code is that of the release.
UV = """\
mkdir -p .venv/bin
printf '#!/bin/sh\\n{root} exec {python} "$@"\\n' > .venv/bin/python
printf '#!/bin/sh\\n{root} exec {python} -m app "$@"\\n' > .venv/bin/app
printf '#!/bin/sh\\n{root} exec {python} -m uvicorn "$@"\\n' > .venv/bin/uvicorn
chmod +x .venv/bin/*"""


class Machine:
    """The folder, and what runs there."""

    def __init__(self, root: Path, parts: str) -> None:
        self.root = root
        self.driver = DRIVER.format(parts=parts)
        self.home = root / "srv/app"
        self.repository = root / "repository"
        self.port, self.ssh_port = free_port(), free_port()
        self.url = f"https://localhost:{self.port}"
        self.bin = root / "bin"

    def prepare(self, uv: str) -> None:
        """Write programs, keys and configuration."""
        for name in ("bin", "queue", "taken", "done", "etc/systemd/system", "etc/caddy"):
            (self.root / name).mkdir(parents=True)
        root = f"DEPLOY_TEST_ROOT={self.root}"
        self._script("systemctl", f'{root} exec {sys.executable} {SYSTEMCTL} "$@"')
        self._script("journalctl", f'{root} exec {sys.executable} {SYSTEMCTL} journal "$@"')
        self._script("uv", uv.format(python=sys.executable, root=root))
        file = self.root / "etc/caddy/Caddyfile"
        file.write_text(CADDY.format(root=self.root))
        unit = self.root / "etc/systemd/system/caddy.service"
        unit.write_text(CADDY_UNIT.format(root=self.root, file=file))
        for key in ("host_key", "key"):
            command = ("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(self.root / key))
            subprocess.run(command, check=True)
        (self.root / "sshd_config").write_text(
            f"Port {self.ssh_port}\nListenAddress 127.0.0.1\nHostKey {self.root}/host_key\n"
            f"AuthorizedKeysFile {self.root}/key.pub\nPidFile none\nStrictModes no\nUsePAM no\n"
            f'PasswordAuthentication no\nSetEnv "PATH={self.bin}:{PATH}"\n'
        )
        options = ["-p", str(self.ssh_port), "-i", str(self.root / "key"), "-F", "none"]
        options += ["-o", f"UserKnownHostsFile={self.root}/known_hosts"]
        options += ["-o", "StrictHostKeyChecking=accept-new"]
        self.repository.mkdir()
        self.settings: dict[str, object] = {
            "host": f"{getpass.getuser()}@127.0.0.1",
            "domain": self.url,
            "user": getpass.getuser(),
            "folder": str(self.home),
            "root": str(self.root),
            "ssh_options": options,
            "watch_seconds": 0.3,
            "health_seconds": 20,
        }
        self.change()

    def change(self, **settings: object) -> None:
        """Write `deploy.toml`, with further settings."""
        self.settings |= settings
        lines = (f"{name} = {json.dumps(value)}\n" for name, value in self.settings.items())
        (self.repository / "deploy.toml").write_text("".join(lines))

    def _script(self, name: str, line: str) -> None:
        (self.bin / name).write_text(f"#!/bin/sh\n{line}\n")
        (self.bin / name).chmod(0o755)

    @contextlib.contextmanager
    def serving(self) -> Iterator[None]:
        """Run sshd; at its end, stop everything that was started through it."""
        if os.geteuid() == 0:
            # The package makes this folder when its service starts.
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
        assert SSHD
        command = [SSHD, "-D", "-e", "-f", str(self.root / "sshd_config")]
        with (self.root / "sshd.log").open("w") as log:
            process = subprocess.Popen(command, stderr=log)
            try:
                yield
            finally:
                self.stop_all()
                process.terminate()
                process.wait(10)

    def stop_all(self) -> None:
        """Stop the units with their supervisors."""
        (self.root / "let-it-end").touch()
        for path in (self.root / "systemd/states").glob("[!.]*"):
            with contextlib.suppress(OSError, ValueError):
                os.kill(json.loads(path.read_text())["supervisor"], signal.SIGTERM)
        deadline = time.monotonic() + 20
        while self.states() and time.monotonic() < deadline:
            time.sleep(0.02)
        assert not self.states()

    def states(self) -> dict[str, str]:
        """The state of each unit that runs."""
        found = {}
        for path in (self.root / "systemd/states").glob("[!.]*"):
            with contextlib.suppress(OSError, ValueError):
                found[path.name.removesuffix(".service")] = json.loads(path.read_text())[
                    "ActiveState"
                ]
        return found

    def releases(self) -> dict[str, set[str]]:
        """The kinds of processes that run, by release."""
        found: dict[str, set[str]] = {}
        for name in self.states():
            kind, at, release = name.removeprefix("app-").partition("@")
            if at:
                found.setdefault(release, set()).add(kind)
        return found

    def commit(self, release: str, broken: str = "") -> None:
        """Commit a release of the sample."""
        (self.repository / "release.json").write_text(json.dumps([release, broken]))
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", release)

    def git(self, *arguments: str) -> None:
        names = ("-c", "user.name=Test", "-c", "user.email=test@example.com")
        subprocess.run(["git", *names, *arguments], cwd=self.repository, check=True)

    def begin(self, *arguments: str) -> "subprocess.Popen[str]":
        """Start `app deploy …`."""
        return subprocess.Popen(
            [sys.executable, "-c", self.driver, str(self.repository), *arguments],
            cwd=PROJECT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def deploy(self, *arguments: str, code: int = 0) -> str:
        """Run `app deploy …` to its end, and return its output."""
        with self.begin(*arguments) as process:
            output, _ = process.communicate(timeout=300)
        assert process.returncode == code, output
        return output

    def serves(self) -> str:
        """The release that `current` names."""
        return (self.home / "current").readlink().name

    def trust(self) -> ssl.SSLContext:
        """What trusts Caddy's own authority."""
        return ssl.create_default_context(
            cafile=self.root / "caddy/pki/authorities/local" / "root.crt"
        )


def write_sample(repository: Path) -> None:
    """Write the backend that starts in no time."""
    for source, target in (("api.py", "app/main.py"), ("commands.py", "app/__main__.py")):
        (repository / target).parent.mkdir(exist_ok=True)
        shutil.copy(SAMPLE / source, repository / target)
    tools = repository / "devstack/deploy"
    tools.mkdir(parents=True)
    for folder in (repository / "app", tools, tools.parent):
        (folder / "__init__.py").touch()
    # Every release has a migration.
    (tools / "pending.py").write_text('print("core_0001")\n')
    (repository / "uv.lock").touch()


@contextlib.contextmanager
def machine(uv: str = UV, parts: str = PARTS) -> Iterator[Machine]:
    """A machine that is prepared and has no release yet. `uv` is the script that stands for uv."""
    # The path of a socket has at most 107 bytes, so that pytest's own folder is too long.
    with tempfile.TemporaryDirectory(prefix="vm-") as folder:
        host = Machine(Path(folder), parts)
        host.prepare(uv)
        host.git("init", "--quiet")
        with host.serving():
            host.deploy("setup")
            yield host


def until(
    condition: Callable[[], object], seconds: float = 20, seen: Callable[[], object] = str
) -> None:
    """Wait until a condition is true; a failure shows what `seen` returns."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, seen()
        time.sleep(0.02)
