"""A real PgBouncer in transaction mode: five server connections for however many clients."""

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
    """Where the program is; systems put it beside the path of an ordinary user."""
    return shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin:/usr/local/sbin")


class PgBouncer(Server):
    """In front of the database at `behind`, for its user."""

    title = "PgBouncer"

    def __init__(self, data_dir: Path, behind: URL) -> None:
        super().__init__(data_dir)
        self.behind = behind

    @property
    def url(self) -> str:
        """As the database's, but for the port."""
        return self.behind.set(port=self.port).render_as_string(hide_password=False)

    @cached_property
    def _identity(self) -> str:
        # It refuses root, as PostgreSQL does.
        return Postgres(self.data_dir / "unused").identity()

    def identity(self) -> str:
        return self._identity

    def prepare(self) -> None:
        self.data_dir.mkdir(exist_ok=True)
        users = self.data_dir / "users.txt"
        users.write_text(f'"{self.behind.username}" "{self.behind.password}"\n')

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
            # It could follow prepared statements since, and Supabase's pooler does not.
            settings["max_prepared_statements"] = 0
        lines = [
            "[databases]",
            f"* = host={self.behind.host} port={self.behind.port}",
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
