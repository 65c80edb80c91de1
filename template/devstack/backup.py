"""Backups of the app's schema, made and restored by PostgreSQL's own programs.

A backup holds the tables of the app with their rows, migrations, policies and rights. It does not
hold what Supabase keeps in its own schemas (the accounts of Auth, the names of stored objects), nor
the objects themselves.
"""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

import psycopg
from sqlalchemy import Connection

from app.core.cli.errors import CliError
from app.core.database.models import SCHEMA
from app.core.migrations.connections import exclusive_connection, migration_engine
from devstack.errors import DevStackError
from devstack.postgres import binaries

# https://www.postgresql.org/docs/current/libpq-envars.html; not on the command line, where every
# user of the machine could read a password.
VARIABLES = {
    "host": "PGHOST",
    "port": "PGPORT",
    "user": "PGUSER",
    "password": "PGPASSWORD",
    "dbname": "PGDATABASE",
    "sslmode": "PGSSLMODE",
    "sslrootcert": "PGSSLROOTCERT",
    "channel_binding": "PGCHANNELBINDING",
}
# First and last line of an anonymised dump, see `devstack.dump`. A file that was cut has no last.
DUMP_MARK = b"-- Anonymised dump"
DUMP_HEADER = f"{DUMP_MARK.decode()} of the schema {SCHEMA}\n"
DUMP_FOOTER = "-- End of the dump\n"
# A restore locks every table. While it waits for one, the whole API waits as well.
LOCK_TIMEOUT = "10s"


def backup(file: Path) -> None:
    """Write a backup into a new file that only its owner can read.

    Raises:
        CliError: the file exists, its folder cannot be written, or pg_dump fails. Then no file is
            left.
    """
    if file.exists():
        raise CliError(f"{file} exists. Choose another name.")
    with private_file(file.parent) as partial, migration_engine().connect() as connection:
        arguments = ("--format=custom", "--no-owner", f"--schema={SCHEMA}", f"--file={partial}")
        run_program("pg_dump", *arguments, connection=connection)
        partial.rename(file)


def restore(file: Path) -> None:
    """Replace the schema by that of a backup, in one transaction.

    Raises:
        CliError: the file is neither a backup nor a dump of this schema, or the database refuses
            it. Then nothing has changed.
    """
    # First a file and then psql: at the end of a pipe, psql would commit what it has got.
    with private_file(Path(tempfile.gettempdir())) as script, exclusive_connection() as connection:
        _write_script(file, script)
        commands = (
            f"SET lock_timeout = '{LOCK_TIMEOUT}'",
            f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE",
        )
        run_program(
            "psql",
            *("--no-psqlrc", "--quiet", "--single-transaction", "--set=ON_ERROR_STOP=1"),
            *(f"--command={command}" for command in commands),
            f"--file={script}",
            connection=connection,
        )


def _write_script(file: Path, script: Path) -> None:
    """Write the SQL of a backup or of a dump."""
    other = CliError(f"{file} is a backup of another schema: DB_SCHEMA is '{SCHEMA}'.")
    with file.open("rb") as opened:
        is_dump = opened.read(len(DUMP_MARK)) == DUMP_MARK
    if not is_dump:
        if f" SCHEMA - {SCHEMA} " not in run_program("pg_restore", "--list", str(file)):
            raise other
        run_program("pg_restore", "--no-owner", f"--file={script}", str(file))
        return
    shutil.copyfile(file, script)
    with script.open("rb") as opened:
        if opened.readline() != DUMP_HEADER.encode():
            raise other
        opened.seek(max(0, file.stat().st_size - len(DUMP_FOOTER)))
        if opened.read() != DUMP_FOOTER.encode():
            raise CliError(f"{file} is not complete: its end is missing.")


@contextmanager
def private_file(folder: Path) -> Iterator[Path]:
    """A file that only its owner can read. It is deleted at the end, unless it was moved."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(suffix=".partial", dir=folder)
    except OSError as error:
        raise CliError(f"No file can be written into {folder}: {error.strerror}.") from None
    os.close(handle)
    try:
        yield Path(name)
    finally:
        Path(name).unlink(missing_ok=True)


def run_program(program: str, *arguments: str, connection: Connection | None = None) -> str:
    """Run one of PostgreSQL's programs, connected as the connection is, and return its output."""
    try:
        command = [str(binaries(program) / program), *arguments]
    except DevStackError as error:
        raise CliError(str(error)) from None
    environment = {**os.environ, **(_parameters(connection) if connection else {})}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise CliError(done.stderr.strip() or f"{program} has failed.")
    return done.stdout


def _parameters(connection: Connection) -> dict[str, str]:
    info = cast("psycopg.Connection", connection.connection.driver_connection).info
    given = info.get_parameters() | {"password": info.password}
    return {VARIABLES[name]: value for name, value in given.items() if name in VARIABLES and value}
