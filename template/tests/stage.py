"""Services that tests may stop, which nobody else uses."""

from pathlib import Path

from devstack.postgres import Postgres
from devstack.valkey import Valkey


class Stage:
    """A database and a Redis of a test's own, each where it was when it comes back."""

    def __init__(self, folder: Path) -> None:
        self.postgres = Postgres(folder / "postgres").start()
        self.valkey = Valkey(folder / "valkey").start()

    def start_postgres(self) -> None:
        self.postgres = Postgres(self.postgres.data_dir, self.postgres.port).start()

    def start_valkey(self) -> None:
        self.valkey = Valkey(self.valkey.data_dir, self.valkey.port).start()

    def start(self) -> None:
        """Start what does not run."""
        if self.postgres.process is None:
            self.start_postgres()
        if self.valkey.process is None:
            self.start_valkey()
