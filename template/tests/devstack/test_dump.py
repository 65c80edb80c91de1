"""A dump for staging has no personal value of the source, and can be restored."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import String, Table, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Session
from sqlmodel.main import default_registry

from app.core.cli.errors import CliError
from app.core.database.models import SCHEMA, Model
from app.core.features import load_models
from app.core.migrations import commands
from app.core.migrations.connections import migration_engine
from app.core.migrations.personal_data import decisions
from app.core.personal_data import Rows, Rule
from app.core.tasks.models import TaskRecord
from app.extensions.users import personal_data
from app.extensions.users.models import User
from devstack.anonymise import Anonymiser
from devstack.backup import restore
from devstack.dump import dump
from tests.core.migrations.workshop import open_workshop
from tests.devstack.test_backup import RIGHTS
from tests.support.factories import RowFactory

CANARY = "canary"
USERS = f"{SCHEMA}.users"


@pytest.fixture
def folder(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder for dumps, with a migrated database in the settings."""
    with open_workshop(database_url, tmp_path, monkeypatch):
        commands.upgrade()
        yield tmp_path / "backups"


def execute(statement: str) -> list[Any]:
    with migration_engine().begin() as connection:
        result = connection.execute(text(statement))
        return [tuple(row) for row in result] if result.returns_rows else []


def models() -> Iterator[tuple[type[Model], Table]]:
    """The models of all tables whose rows are in a dump."""
    load_models()
    decided = decisions()
    for mapper in default_registry.mappers:
        table = mapper.local_table
        assert isinstance(table, Table)
        # Other tests leave classes behind, whose tables are gone.
        if table.name in decided and not decided[table.name].omit:
            yield mapper.class_, table


def planted(model: type[Model], table: Table) -> Model:
    """A row with a canary in every text and JSON that is not kept."""
    values: dict[str, Any] = {}
    for name in decisions()[table.name].replace:
        column = table.columns[name]
        if isinstance(column.type, JSONB):
            values[name] = {CANARY: [f"{CANARY}@example.org"]}
        elif isinstance(column.type, String):
            values[name] = f"{CANARY}@{uuid4().hex[:8]}.org"
    factory = RowFactory.create_factory(model)
    for column in table.columns:
        # The factory leaves foreign keys out.
        if column.primary_key or (column.foreign_keys and not column.nullable):
            is_text = isinstance(column.type, String)
            values.setdefault(column.name, uuid4().hex[:20] if is_text else uuid4())
    return factory.build(**values)


def test_no_personal_value_of_any_feature_is_in_it(folder: Path) -> None:
    """The rows refer to nothing, which the database would refuse: so without foreign keys."""
    found = list(models())
    with migration_engine().begin() as connection:
        keys = connection.execute(
            text(
                "SELECT conrelid::regclass, conname FROM pg_constraint WHERE contype IN ('f', 'c')"
                " AND connamespace = to_regnamespace(:schema)"
            ),
            {"schema": SCHEMA},
        )
        for table, name in keys.all():
            connection.execute(text(f'ALTER TABLE {table} DROP CONSTRAINT "{name}"'))
    with Session(migration_engine()) as session:
        session.add_all(planted(model, table) for model, table in found)
        session.add(TaskRecord(name=CANARY, arguments={CANARY: CANARY}))
        session.commit()
    dump(folder / "one.sql")
    content = (folder / "one.sql").read_text("utf-8")
    assert CANARY not in content.lower()
    for _, table in found:
        assert rows(content, table.name), table.name
    assert not rows(content, "tasks")


def rows(content: str, table: str) -> list[str]:
    """The lines with the rows of a table."""
    start = content.find(f'COPY "{SCHEMA}"."{table}" ')
    block = content[start : content.index("\n\\.\n", start) + 1] if start >= 0 else ""
    return block.splitlines()[1:]


def add_user(email: str, name: str | None = None) -> None:
    with Session(migration_engine()) as session:
        session.add(User(id=uuid4(), email=email, display_name=name))
        session.commit()


def restored(file: Path) -> list[Any]:
    """Addresses and names of the users after a restore."""
    restore(file)
    return execute(f"SELECT email, display_name FROM {USERS} ORDER BY created_at")


def test_it_can_be_restored_and_is_complete(folder: Path) -> None:
    add_user("Ada@example.org", "Ada Lovelace")
    add_user("alan@example.org", "Alan Turing")
    rights = execute(RIGHTS)
    dump(folder / "one.sql")
    assert (folder / "one.sql").stat().st_mode & 0o777 == 0o600
    add_user("later@example.org")
    found = restored(folder / "one.sql")
    assert len({email for email, _ in found}) == 2
    for email, name in found:
        assert re.fullmatch(r"user-[0-9a-f]{16}@example\.com", email)
        assert name not in (None, "", "Ada Lovelace", "Alan Turing")
    assert execute(RIGHTS) == rights
    assert commands.drift() == []
    commands.upgrade()  # nothing to do: the history is in it
    assert [path.name for path in folder.iterdir()] == ["one.sql"]


def test_two_dumps_replace_a_value_in_the_same_way(folder: Path) -> None:
    add_user("ada@example.org", "Ada Lovelace")
    dump(folder / "one.sql")
    add_user("ADA@example.org", "Ada Lovelace")
    dump(folder / "two.sql")
    first, second = (restored(folder / name) for name in ("one.sql", "two.sql"))
    assert second == first * 2


def test_another_key_replaces_it_in_another_way() -> None:
    ways = {
        Anonymiser(key).replace(Rule.EMAIL, "ada@example.org", "text", nullable=True)
        for key in (b"one", b"two")
    }
    assert len(ways) == 2


@pytest.mark.parametrize("value", ["x", "Ab", "Zoë", "a longer text\twith\nlines", "w" * 200])
@pytest.mark.parametrize("rule", [Rule.NAME, Rule.TEXT])
def test_a_replacement_is_not_longer_and_not_empty(rule: Rule, value: str) -> None:
    replaced = Anonymiser(b"key").replace(rule, value, "text", nullable=True)
    assert replaced
    assert len(replaced) <= len(value)
    assert replaced == replaced.strip()


def test_values_that_are_kept_are_written_as_they_are(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also those that Postgres writes in another form."""
    kept = Rows(keep=["email", "display_name", "role", "status"])
    monkeypatch.setitem(personal_data.TABLES, "users", kept)
    values = ["tab\there", "line\nbreak\r", "back\\slash \\N", "\\.", "ünï \u202e", "", None]
    for value in values:
        add_user("ada@example.org", value)
    dump(folder / "one.sql")
    assert [name for _, name in restored(folder / "one.sql")] == values


def test_numbers_are_counted_on(folder: Path) -> None:
    """A table whose rows are left out keeps its sequence."""
    with Session(migration_engine()) as session:
        session.add_all(TaskRecord(name="one", arguments={}) for _ in range(3))
        session.commit()
    dump(folder / "one.sql")
    restore(folder / "one.sql")
    with Session(migration_engine()) as session:
        record = TaskRecord(name="two", arguments={})
        session.add(record)
        session.commit()
    assert execute(f"SELECT position FROM {SCHEMA}.tasks") == [(4,)]


def test_tables_that_the_code_does_not_know_are_left_out(folder: Path) -> None:
    execute(f"CREATE TABLE {SCHEMA}.\"Foreign notes\" AS SELECT '{CANARY}' AS note")
    dump(folder / "one.sql")
    assert "Foreign notes" not in (folder / "one.sql").read_text("utf-8")


def test_a_column_without_a_decision_stops_it(folder: Path) -> None:
    execute(f"ALTER TABLE {USERS} ADD phone text")
    with pytest.raises(CliError, match=r"users\.phone"):
        dump(folder / "one.sql")
    assert not folder.exists()


def test_a_dump_that_was_cut_changes_nothing(folder: Path) -> None:
    dump(folder / "one.sql")
    add_user("stays@example.org")
    content = (folder / "one.sql").read_bytes()
    for size in (len(content) // 2, len(content) - 1):
        (folder / "cut.sql").write_bytes(content[:size])
        with pytest.raises(CliError, match="not complete"):
            restore(folder / "cut.sql")
    other = content.replace(SCHEMA.encode(), b"other", 1)
    (folder / "cut.sql").write_bytes(other)
    with pytest.raises(CliError, match="another schema"):
        restore(folder / "cut.sql")
    assert execute(f"SELECT email FROM {USERS}") == [("stays@example.org",)]
