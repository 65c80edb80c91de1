"""A real PgBouncer in transaction mode: five server connections for any number of clients."""

import re
import shutil
import socket
import subprocess
from functools import cached_property
from pathlib import Path

from sqlalchemy import URL

from devstack.postgres import Postgres
from devstack.server import Server

SERVER_CONNECTIONS = 5


def program() -> str | None:
    """Return the path of the program; some systems install it outside the PATH of users."""
    return shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin:/usr/local/sbin")


class PgBouncer(Server):
    """A pooler for the database at `backend`, for its user."""

    title = "PgBouncer"

    def __init__(self, data_dir: Path, backend: URL) -> None:
        super().__init__(data_dir)
        self.backend = backend

    @property
    def url(self) -> str:
        """The address of the database with the port of the pooler."""
        return self.backend.set(port=self.port).render_as_string(hide_password=False)

    @cached_property
    def _identity(self) -> str:
        # It refuses to run as root, as PostgreSQL does.
        return Postgres(self.data_dir / "unused").identity()

    def identity(self) -> str:
        return self._identity

    def prepare(self) -> None:
        self.data_dir.mkdir(exist_ok=True)
        users = self.data_dir / "users.txt"
        users.write_text(f'"{self.backend.username}" "{self.backend.password}"\n')

    def command(self) -> list[str]:
        settings = {
            "listen_addr": "127.0.0.1",
            "listen_port": self.port,
            "unix_socket_dir": "",
            "auth_type": "scram-sha-256",
            "auth_file": self.data_dir / "users.txt",
            "pool_mode": "transaction",
            "default_pool_size": SERVER_CONNECTIONS,
            "max_client_conn": 500,
        }
        name = program()
        assert name is not None
        version = subprocess.run([name, "--version"], capture_output=True, text=True, check=True)
        found = re.search(r"PgBouncer (\d+)\.(\d+)", version.stdout)
        if found and (int(found[1]), int(found[2])) >= (1, 21):
            # Since 1.21 it can track prepared statements; Supabase's pooler does not.
            settings["max_prepared_statements"] = 0
        lines = [
            "[databases]",
            f"* = host={self.backend.host} port={self.backend.port}",
            "[pgbouncer]",
            *(f"{key} = {value}" for key, value in settings.items()),
        ]
        file = self.data_dir / "pgbouncer.ini"
        file.write_text("\n".join(lines) + "\n")
        if self.identity() == "nobody":
            for path in (self.data_dir.parent, self.data_dir, *self.data_dir.iterdir()):
                shutil.chown(path, "nobody")
        return [name, str(file)]

    def answers(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0
