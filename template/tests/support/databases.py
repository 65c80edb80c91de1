"""Databases of the test run's PostgreSQL, cloned from one that is migrated once."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

import psycopg
from sqlalchemy import make_url

from app.core.migrations.commands import upgrade
from app.core.settings import load_settings

MIGRATED = "template_migrated"
EMPTY = "template1"
# The folder of a later release whose migrations are applied instead: see `app release-check`.
OTHER_MIGRATIONS = "PYTEST_MIGRATIONS_OF"


def has_other_migrations() -> bool:
    """Whether the tests run on the tables of a later release."""
    return OTHER_MIGRATIONS in os.environ


def create_migrated() -> None:
    """Create the database that others are cloned from, with every migration applied."""
    _execute(f"CREATE DATABASE {MIGRATED}")
    if has_other_migrations():
        subprocess.run(
            [sys.executable, "-m", "app", "db", "upgrade"],
            cwd=os.environ[OTHER_MIGRATIONS],
            env=os.environ | {"DATABASE_URL": _url(MIGRATED)},
            check=True,
        )
        return
    upgrade(_url(MIGRATED))
    # The settings that the migrations have read: the tests use another database.
    load_settings.cache_clear()


def clone(name: str, source: str = MIGRATED) -> str:
    """Create a database as a copy of another; return its URL."""
    # The databases are small: copying files is faster than copying pages through the log.
    _execute(f"CREATE DATABASE {name} TEMPLATE {source} STRATEGY file_copy")
    return _url(name)


@contextmanager
def temporary(source: str = MIGRATED) -> Iterator[str]:
    """The URL of a database that is dropped at the end: a copy of `MIGRATED` or `EMPTY`."""
    name = f"test_{uuid4().hex}"
    yield clone(name, source)
    _execute(f"DROP DATABASE {name} WITH (FORCE)")


def _url(database: str) -> str:
    url = make_url(os.environ["DATABASE_URL"]).set(database=database)
    return url.render_as_string(hide_password=False)


def _execute(statement: str) -> None:
    with psycopg.connect(_url("postgres"), autocommit=True) as connection:
        connection.execute(statement)
