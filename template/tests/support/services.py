"""PostgreSQL and Valkey: those of the whole test run, and those that one test may stop."""

import os
import secrets
import shutil
import tempfile
from contextlib import ExitStack
from pathlib import Path

from devstack.postgres import Postgres
from devstack.valkey import Valkey

# Redis counts its databases from 0 to 15.
REDIS_DATABASES = 16
# For a run that only collects tests and starts no service.
UNREACHABLE = ("postgresql://postgres@127.0.0.1:1/postgres", "redis://127.0.0.1:1/0")


def start_services(stack: ExitStack) -> tuple[str, str]:
    """Start PostgreSQL and Valkey in a temporary folder, stopped by `stack`; return their URLs."""
    folder = Path(tempfile.mkdtemp(prefix="tests-"))
    stack.callback(shutil.rmtree, folder, ignore_errors=True)
    postgres = stack.enter_context(Postgres(folder / "postgres"))
    valkey = stack.enter_context(Valkey(folder / "valkey"))
    return postgres.url, valkey.url


def set_environment(postgres_url: str, redis_url: str) -> None:
    """Set every setting of the tests: no `.env` is read where ENVIRONMENT is `test`."""
    os.environ |= {
        "ENVIRONMENT": "test",
        "SECRET_KEY": secrets.token_urlsafe(48),
        "DATABASE_URL": postgres_url,
        "REDIS_URL": redis_url,
        "SUPABASE_URL": "http://127.0.0.1:1",
        "SUPABASE_PUBLISHABLE_KEY": f"sb_publishable_{secrets.token_urlsafe(16)}",
        "SUPABASE_SECRET_KEY": f"sb_secret_{secrets.token_urlsafe(16)}",
        "USER_APPROVAL": "auto",
        "LOG_FORMAT": "json",
    }


def redis_database(worker: str) -> str:
    """The Redis URL of one process of pytest-xdist (`gw0`, `gw1`, …), or of the only process."""
    number = int(worker.removeprefix("gw")) % REDIS_DATABASES if worker != "main" else 0
    return f"{os.environ['REDIS_URL'].rpartition('/')[0]}/{number}"


class Services:
    """A PostgreSQL and a Valkey for one test module, which its tests may stop and start again.

    Each keeps its data and its port.
    """

    def __init__(self, folder: Path) -> None:
        self.postgres = Postgres(folder / "postgres").start()
        self.valkey = Valkey(folder / "valkey").start()

    def start_postgres(self) -> None:
        self.postgres = Postgres(self.postgres.data_dir, self.postgres.port).start()

    def start_valkey(self) -> None:
        self.valkey = Valkey(self.valkey.data_dir, self.valkey.port).start()

    def start(self) -> None:
        """Start each service that is stopped."""
        if self.postgres.process is None:
            self.start_postgres()
        if self.valkey.process is None:
            self.start_valkey()
