"""A database server on one data folder, run as a child of this process."""

import contextlib
import importlib.util
import os
import secrets
import signal
import subprocess
import sys
import threading
import time
from abc import ABC, abstractmethod
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Self

from devstack import launch
from devstack.errors import DevStackError
from devstack.files import write_private
from devstack.lock import locked, overwrite
from devstack.ports import free_port

START_SECONDS = 30.0
STOP_SECONDS = 12.0
# A server of a killed owner needs some time to end before the data folder is free.
ORPHAN_SECONDS = 3.0
POLL_SECONDS = 0.02
PORT_ATTEMPTS = 3
LOG_LINES = 15


def installed_package(name: str) -> Path | None:
    """Return the folder of a package without importing it, or None if it is not installed."""
    spec = importlib.util.find_spec(name)
    return Path(spec.origin).parent if spec and spec.origin else None


def child_command(
    command: list[str], *, death_signal: signal.Signals = signal.SIGTERM, identity: str = "same"
) -> list[str]:
    """Wrap `command` so that its process ends when this process dies, even if it is killed.

    Linux binds the child to the *thread* that starts it, so start it from a thread that stays.
    """
    head = [sys.executable, "-I", "-S", launch.__file__]
    return [*head, str(os.getpid()), str(int(death_signal)), identity, *command]


def server_environment() -> dict[str, str]:
    """Return the environment of a server: of the shell only what programs need to start.

    PGDATA, LC_ALL and others would change what the server does.
    """
    needed = ("PATH", "HOME", "TMPDIR", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
    kept = {name: os.environ[name] for name in needed if name in os.environ}
    return {**kept, "LC_ALL": "C", "TZ": "UTC"}


def signal_group(pid: int, number: signal.Signals) -> None:
    """Send a signal to the process group of `pid`, if it still exists."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)


class Server(ABC):
    """Start, readiness check and stop, the same for every server.

    There are three files beside the data folder: `<name>.password` (created once, mode 600),
    `<name>.log` (since the last start) and `<name>.lock`. The server process holds the lock,
    because it inherits the open file. So the lock is free exactly when no process of the server
    runs. A pid file is not reliable: a crash leaves it behind.
    """

    title: str
    stop_signal: signal.Signals = signal.SIGTERM

    def __init__(self, data_dir: Path, port: int | None = None) -> None:
        """Configure a server; `start` starts it.

        Args:
            data_dir: kept between starts; created if it is missing.
            port: preferred TCP port on 127.0.0.1; if it is in use, another port is used.
        """
        self.data_dir = data_dir.absolute()
        self.preferred_port = port
        self.port = 0
        self.process: subprocess.Popen[bytes] | None = None
        self._stopped = False
        self._launching = threading.Lock()

    @property
    @abstractmethod
    def url(self) -> str:
        """URL with user and password, for a client on this machine."""

    @abstractmethod
    def prepare(self) -> None:
        """Create the data folder if it is missing; called while the lock is held."""

    @abstractmethod
    def command(self) -> list[str]:
        """Return program and arguments; the program must stay in the foreground."""

    @abstractmethod
    def answers(self) -> bool:
        """Return whether clients can connect."""

    def configuration(self) -> bytes:
        """Return the text that the server reads from its standard input."""
        return b""

    def identity(self) -> str:
        """Return the user that the server runs as, see `launch`."""
        return "same"

    @property
    def log_file(self) -> Path:
        """Output of the server since its last start."""
        return self._beside("log")

    def log_tail(self) -> str:
        """Return the last lines of the log file; empty if there is none."""
        try:
            text = self.log_file.read_text(encoding="utf-8", errors="replace")
        except OSError:
            return ""
        return "\n".join(text.splitlines()[-LOG_LINES:])

    @property
    def password(self) -> str:
        """Password, created at the first use and then kept."""
        path = self._beside("password")
        if not path.exists():
            write_private(path, secrets.token_hex(24))
        return path.read_text(encoding="utf-8").strip()

    def start(self) -> Self:
        """Start the server, and return when it answers.

        Raises:
            DevStackError: it cannot start, or another server uses the data folder.
        """
        self.data_dir.parent.mkdir(parents=True, exist_ok=True)
        with self._lock(ORPHAN_SECONDS) as lock:
            self.prepare()
            for attempt in range(PORT_ATTEMPTS):
                self._launch(lock)
                if self._wait_until_ready():
                    return self
                # Another process may take the port after it was chosen and before it is bound.
                port_in_use = "address already in use" in self.log_tail().lower()
                if not port_in_use or attempt == PORT_ATTEMPTS - 1:
                    break
        self.stop()
        raise DevStackError(
            f"{self.title} did not start. The last lines of {self.log_file}:\n{self.log_tail()}"
        )

    def stop(self, timeout: float = STOP_SECONDS) -> None:
        """Stop the server; kill it if it still runs after `timeout` seconds."""
        self._stopped = True
        with self._launching:
            process = self.process
        if process is None:
            return
        if process.poll() is None:
            process.send_signal(self.stop_signal)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout)
        signal_group(process.pid, signal.SIGKILL)
        process.wait()
        self.process = None

    def stop_orphan(self) -> None:
        """Stop a server that still runs on the data folder although its owner was killed.

        The caller must be the only owner of the folder.
        """
        deadline = time.monotonic() + STOP_SECONDS
        while (pid := self.owner()) is not None and time.monotonic() < deadline:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, self.stop_signal)
            time.sleep(0.2)

    def owner(self) -> int | None:
        """Return the pid of the server that uses the data folder now, or None."""
        if not self._lock_file.parent.is_dir():
            return None
        try:
            with self._lock(0):
                return None
        except DevStackError:
            try:
                return int(self._lock_file.read_text())
            except ValueError:
                return None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _beside(self, suffix: str) -> Path:
        return self.data_dir.with_name(f"{self.data_dir.name}.{suffix}")

    @property
    def _lock_file(self) -> Path:
        return self._beside("lock")

    def _lock(self, patience: float) -> AbstractContextManager[int]:
        def refusal(pid: str) -> str:
            return (
                f"{self.title} already runs on {self.data_dir} (process {pid or 'unknown'}). Stop "
                "it before you start another."
            )

        return locked(self._lock_file, refusal, patience)

    def _launch(self, lock: int) -> None:
        with self._launching:
            if self._stopped:
                raise DevStackError(f"{self.title} was stopped before it had started.")
            self.port = free_port(self.preferred_port)
            reading, writing = os.pipe()
            with self.log_file.open("wb") as log:
                self.process = subprocess.Popen(
                    child_command(
                        self.command(), death_signal=self.stop_signal, identity=self.identity()
                    ),
                    stdin=reading,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    cwd=self.data_dir,
                    env=server_environment(),
                    start_new_session=True,
                    pass_fds=(lock,),
                )
            os.close(reading)
            overwrite(lock, str(self.process.pid))
            with contextlib.suppress(BrokenPipeError):
                os.write(writing, self.configuration())
            os.close(writing)

    def _wait_until_ready(self) -> bool:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self.process is None or self.process.poll() is not None:
                return False
            if self.answers():
                return True
            time.sleep(POLL_SECONDS)
        return False
