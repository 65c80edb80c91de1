"""A database server that belongs to one data folder, run as a child of this process."""

import contextlib
import fcntl
import importlib.util
import os
import secrets
import signal
import subprocess
import sys
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import Self

from devstack import launch
from devstack.errors import DevStackError
from devstack.files import tail, write_private
from devstack.ports import free_port

START_SECONDS = 30.0
STOP_SECONDS = 12.0
# How long a server of the same data folder may take to go away before it counts as somebody's.
LEFTOVER_SECONDS = 3.0
POLL_SECONDS = 0.02
PORT_ATTEMPTS = 3


def installed_package(name: str) -> Path | None:
    """Find the folder of a package without importing it; None if it is not installed."""
    spec = importlib.util.find_spec(name)
    return Path(spec.origin).parent if spec and spec.origin else None


def child_command(
    command: list[str], *, death_signal: signal.Signals = signal.SIGTERM, identity: str = "same"
) -> list[str]:
    """`command`, to be started so that it ends when this process dies, however it dies.

    Linux ties the child to the *thread* that starts it: start it from one that stays.
    """
    head = [sys.executable, "-I", "-S", launch.__file__]
    return [*head, str(os.getpid()), str(int(death_signal)), identity, *command]


def signal_group(pid: int, number: signal.Signals) -> None:
    """Send a signal to every process of the group that `pid` leads; none left is fine."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)


class Server(ABC):
    """Start, readiness and stop, the same for every server.

    Beside the data folder stand three files: `<name>.password` (made once, mode 600), `<name>.log`
    (of the last start) and `<name>.lock`. The server process itself holds the lock: it inherits the
    open file, so the lock is free exactly when no process of that server lives, and no pid file,
    which a crash leaves stale, is ever believed.
    """

    title: str
    stop_signal: signal.Signals = signal.SIGTERM

    def __init__(self, data_dir: Path, port: int | None = None) -> None:
        """Describe a server; `start` starts it.

        Args:
            data_dir: kept between starts; made when missing.
            port: preferred TCP port on 127.0.0.1; another one is taken if it is not free.
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
        """Address with user and password, for a client on this machine."""

    @abstractmethod
    def prepare(self) -> None:
        """Make the data folder if it is missing; called while the lock is held."""

    @abstractmethod
    def command(self) -> list[str]:
        """Program and arguments, run in the foreground."""

    @abstractmethod
    def answers(self) -> bool:
        """Tell whether clients can connect."""

    def configuration(self) -> bytes:
        """Return what the server reads from its standard input."""
        return b""

    def identity(self) -> str:
        """Say who the server runs as, see `launch`."""
        return "same"

    @property
    def log_file(self) -> Path:
        """What the server wrote since its last start."""
        return self._beside("log")

    def log_tail(self) -> str:
        """Return the last lines that the server wrote."""
        return tail(self.log_file)

    @property
    def password(self) -> str:
        """Made at the first use, then kept."""
        path = self._beside("password")
        if not path.exists():
            write_private(path, secrets.token_hex(24))
        return path.read_text(encoding="utf-8").strip()

    def start(self) -> Self:
        """Start the server and return when it answers.

        Raises:
            DevStackError: it cannot start, or another one uses the same data folder.
        """
        self.data_dir.parent.mkdir(parents=True, exist_ok=True)
        with self._lock(LEFTOVER_SECONDS) as lock:
            self.prepare()
            for attempt in range(PORT_ATTEMPTS):
                self._launch(lock)
                if self._wait():
                    return self
                # Between choosing a port and binding it somebody else may have taken it.
                address_taken = "address already in use" in self.log_tail().lower()
                if not address_taken or attempt == PORT_ATTEMPTS - 1:
                    break
        self.stop()
        raise DevStackError(
            f"{self.title} did not start. The last lines of {self.log_file}:\n{self.log_tail()}"
        )

    def stop(self, timeout: float = STOP_SECONDS) -> None:
        """Stop the server; kill it if it is still there after `timeout` seconds."""
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

    def end_leftover(self) -> None:
        """Stop a server that an earlier, killed owner of the data folder left behind.

        Only for a caller that knows that the folder is its own.
        """
        deadline = time.monotonic() + STOP_SECONDS
        while (pid := self.owner()) is not None and time.monotonic() < deadline:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, self.stop_signal)
            time.sleep(0.2)

    def owner(self) -> int | None:
        """Pid of the server that uses the data folder now, or None."""
        try:
            with self._lock(0):
                return None
        except DevStackError:
            try:
                return int(self._beside("lock").read_text())
            except ValueError:
                return None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _beside(self, suffix: str) -> Path:
        return self.data_dir.with_name(f"{self.data_dir.name}.{suffix}")

    @contextlib.contextmanager
    def _lock(self, patience: float) -> Iterator[int]:
        path = self._beside("lock")
        if not path.parent.is_dir():
            yield -1
            return
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            deadline = time.monotonic() + patience
            while True:
                try:
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if time.monotonic() >= deadline:
                        raise DevStackError(
                            f"{self.title} already runs on {self.data_dir} (process "
                            f"{path.read_text() or 'unknown'}); stop it before you start another."
                        ) from None
                    time.sleep(POLL_SECONDS)
            yield descriptor
        finally:
            os.close(descriptor)

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
                    start_new_session=True,
                    pass_fds=(lock,),
                )
            os.close(reading)
            os.ftruncate(lock, 0)
            os.pwrite(lock, str(self.process.pid).encode(), 0)
            with contextlib.suppress(BrokenPipeError):
                os.write(writing, self.configuration())
            os.close(writing)

    def _wait(self) -> bool:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self.process is None or self.process.poll() is not None:
                return False
            if self.answers():
                return True
            time.sleep(POLL_SECONDS)
        return False
