"""A backup comes back as it was, and a restore that fails changes nothing."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text
from sqlmodel import Session

from app.core.cli.errors import CliError
from app.core.database.models import SCHEMA
from app.core.migrations import commands
from app.core.migrations.connections import migration_engine
from app.extensions.users.models import User
from devstack.backup import backup, restore
from tests.core.migrations.workshop import open_workshop

USERS = f"{SCHEMA}.users"


@pytest.fixture
def folder(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder for backups, with a migrated database in the settings."""
    with open_workshop(database_url, tmp_path, monkeypatch):
        commands.upgrade()
        yield tmp_path / "backups"


def execute(statement: str) -> list[Any]:
    with migration_engine().begin() as connection:
        result = connection.execute(text(statement))
        return list(result.scalars()) if result.returns_rows else []


def add_user(email: str) -> None:
    with Session(migration_engine()) as session:
        session.add(User(id=uuid4(), email=email))
        session.commit()


def users() -> list[Any]:
    return execute(f"SELECT email FROM {USERS} ORDER BY email")


# What a table is besides its rows: who may do what with it.
RIGHTS = f"""
SELECT c.relname || coalesce(c.relacl, acldefault('r', c.relowner))::text || c.relrowsecurity
  || coalesce((SELECT string_agg(p::text, ',' ORDER BY p.policyname) FROM pg_policies p
               WHERE p.schemaname = '{SCHEMA}' AND p.tablename = c.relname), '')
FROM pg_class c
WHERE c.relnamespace = '{SCHEMA}'::regnamespace AND c.relkind = 'r' ORDER BY c.relname
"""


def test_a_backup_comes_back_as_it_was(folder: Path) -> None:
    add_user("first@example.com")
    rights = execute(RIGHTS)
    backup(folder / "one.dump")
    assert (folder / "one.dump").stat().st_mode & 0o777 == 0o600

    add_user("second@example.com")
    execute(f"CREATE TABLE {SCHEMA}.newer (id int)")
    restore(folder / "one.dump")
    assert users() == ["first@example.com"]
    assert execute(RIGHTS) == rights
    assert commands.drift() == []
    assert [path.name for path in folder.iterdir()] == ["one.dump"]


def test_a_restore_that_fails_changes_nothing(folder: Path) -> None:
    backup(folder / "whole.dump")
    add_user("stays@example.com")
    content = (folder / "whole.dump").read_bytes()
    for name, broken in (("cut", content[: len(content) // 2]), ("foreign", b"SELECT 1;\n")):
        file = folder / name
        file.write_bytes(broken)
        with pytest.raises(CliError):
            restore(file)
    assert users() == ["stays@example.com"]
    assert sorted(path.name for path in folder.iterdir()) == ["cut", "foreign", "whole.dump"]


def test_a_restore_gives_up_while_a_table_is_in_use(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("devstack.backup.LOCK_TIMEOUT", "100ms")
    backup(folder / "one.dump")
    with migration_engine().begin() as connection:
        connection.execute(text(f"LOCK TABLE {USERS} IN ACCESS SHARE MODE"))
        with pytest.raises(CliError, match="lock timeout"):
            restore(folder / "one.dump")
    restore(folder / "one.dump")


def test_a_backup_replaces_no_file(folder: Path) -> None:
    backup(folder / "one.dump")
    with pytest.raises(CliError, match="exists"):
        backup(folder / "one.dump")


def test_a_folder_that_cannot_be_written_is_named(folder: Path) -> None:
    folder.mkdir()
    (folder / "file").touch()
    with pytest.raises(CliError, match="No file can be written into"):
        backup(folder / "file" / "one.dump")


def test_a_backup_of_another_schema_is_refused(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    backup(folder / "one.dump")
    monkeypatch.setattr("devstack.backup.SCHEMA", "other")
    with pytest.raises(CliError, match="another schema"):
        restore(folder / "one.dump")
