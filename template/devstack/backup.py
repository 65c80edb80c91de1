"""Backups of the app's schema, made and restored by PostgreSQL's own programs.

A backup holds the tables of the app with their rows, migrations, policies and rights. It does not
hold what Supabase keeps in its own schemas (the accounts of Auth, the names of stored objects), nor
the objects themselves.
"""

import os
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
    with _private_file(file.parent) as partial, migration_engine().connect() as connection:
        arguments = ("--format=custom", "--no-owner", f"--schema={SCHEMA}", f"--file={partial}")
        _run("pg_dump", *arguments, connection=connection)
        partial.rename(file)


def restore(file: Path) -> None:
    """Replace the schema by that of a backup, in one transaction.

    Raises:
        CliError: the file is no backup of this schema, or the database refuses it. Then nothing
            has changed.
    """
    if f" SCHEMA - {SCHEMA} " not in _run("pg_restore", "--list", str(file)):
        raise CliError(f"{file} is a backup of another schema: DB_SCHEMA is '{SCHEMA}'.")
    # First a file and then psql: at the end of a pipe, psql would commit what it has got.
    with _private_file(Path(tempfile.gettempdir())) as script, exclusive_connection() as connection:
        _run("pg_restore", "--no-owner", f"--file={script}", str(file))
        commands = (
            f"SET lock_timeout = '{LOCK_TIMEOUT}'",
            f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE",
        )
        _run(
            "psql",
            *("--no-psqlrc", "--quiet", "--single-transaction", "--set=ON_ERROR_STOP=1"),
            *(f"--command={command}" for command in commands),
            f"--file={script}",
            connection=connection,
        )


@contextmanager
def _private_file(folder: Path) -> Iterator[Path]:
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


def _run(program: str, *arguments: str, connection: Connection | None = None) -> str:
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
