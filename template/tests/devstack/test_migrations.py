"""`app db migrate` and `merge`, and what stock Alembic writes."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.config import main

from app.core.database.models import SCHEMA, metadata
from app.core.migrations import commands
from app.core.migrations.access import unprotected
from app.core.migrations.errors import MigrationError
from app.core.migrations.graph import branch_by_revision
from devstack import migrations
from tests.core.migrations.workshop import Workshop, open_workshop

PROJECT = Path(__file__).parents[2]


@pytest.fixture
def workshop(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Workshop]:
    with open_workshop(database_url, tmp_path, monkeypatch) as workshop:
        yield workshop


def test_a_migration_is_written_for_one_feature_alone(workshop: Workshop) -> None:
    workshop.feature("parcels", models=True)
    workshop.feature("stickers", models=True)
    commands.upgrade()

    path = migrations.write("parcels", 'make "parcels"')

    assert path == workshop.folder / "parcels/migrations/parcels_0001_make_parcels.py"
    code = path.read_text()
    assert 'protect("parcels")' in code
    assert 'branch_labels = ("parcels",)' in code
    assert "stickers" not in code
    assert f'"{SCHEMA}"' not in code
    commands.upgrade()
    assert commands.drift("parcels") == []
    assert [difference[0] for difference in commands.drift()] == ["add_table"]
    with workshop.connected() as connection:
        assert unprotected(connection) == []
    assert migrations.write("parcels", "again") is None

    metadata.remove(metadata.tables[f"{SCHEMA}.parcels"])
    path = migrations.write("parcels", "no more parcels")
    assert path is not None
    code = path.read_text()
    assert 'op.drop_table("parcels", schema=SCHEMA)' in code
    # A downgrade creates the table again.
    assert 'protect("parcels")' in code


def test_the_stock_command_writes_protected_tables(workshop: Workshop) -> None:
    folder = workshop.feature("parcels", models=True) / "migrations"
    commands.upgrade()
    main(
        [
            *("-c", str(PROJECT / "alembic.ini"), "revision", "--autogenerate"),
            *("-m", "Make parcels", "--head", "base", "--branch-label", "parcels"),
            *("--depends-on", "core_0001", "--version-path", str(folder)),
        ]
    )
    (path,) = folder.glob("*.py")
    assert 'protect("parcels")' in path.read_text()
    commands.upgrade()
    with workshop.connected() as connection:
        assert unprotected(connection) == []
    assert commands.drift() == []


def test_a_migration_depends_on_nothing_that_is_implied_already(workshop: Workshop) -> None:
    """Alembic fails to merge heads into a revision that names one that another of them implies."""
    imports = """
from sqlalchemy import Column, ForeignKey, Integer, Table, Uuid
from app.core.database.models import SCHEMA, metadata

def reference(table, kind):
    return Column(f"to_{table}", kind, ForeignKey(f"{SCHEMA}.{table}.id"))

def table(name, *references):
    return Table(name, metadata, Column("id", Integer, primary_key=True), *references)
"""
    to_users = "reference('users', Uuid)"
    for name, references in (
        ("parcels", to_users),
        ("stickers", f"{to_users}, reference('parcels', Integer)"),
    ):
        models = workshop.feature(name) / "models.py"
        models.write_text(f"{imports}\n{name} = table('{name}', {references})\n")
        commands.upgrade()
        path = migrations.write(name, f"Make {name}")
    assert path is not None
    assert 'depends_on = "parcels_0001"' in path.read_text()
    commands.upgrade()
    assert workshop.version_rows() >= {"stickers_0001"}


def test_a_database_that_lacks_migrations_is_not_compared(workshop: Workshop) -> None:
    with pytest.raises(MigrationError, match="app db upgrade"):
        migrations.write("core", "anything")


@pytest.mark.parametrize(
    "message", ['tricky """ \\ message', "the users’ – and the editors’ – notes", "x" * 90]
)
def test_an_empty_migration_needs_no_database_and_passes_the_linter(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch, message: str
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")
    workshop.feature("parcels")
    path = migrations.write("parcels", message, empty=True)
    assert path is not None
    for command in (["check"], ["format", "--check"]):
        # As a file of the project, because some rules are for its folder only.
        name = f"app/features/parcels/migrations/{path.name}"
        subprocess.run(
            [sys.executable, "-m", "ruff", *command, "--stdin-filename", name, "-"],
            input=path.read_bytes(),
            cwd=PROJECT,
            check=True,
        )
    assert "parcels_0001" in branch_by_revision(commands.scripts())


@pytest.mark.parametrize("message", [" ", "x" * 91])
def test_a_message_is_one_short_line(workshop: Workshop, message: str) -> None:
    with pytest.raises(MigrationError, match="characters"):
        migrations.write("core", message, empty=True)


def test_two_heads_are_merged(workshop: Workshop) -> None:
    workshop.feature("parcels")
    workshop.migration("parcels", "parcels_0001")
    for revision in ("aaaa", "bbbb"):
        workshop.migration("parcels", revision, after="parcels_0001", up="pass", down="pass")

    with pytest.raises(MigrationError, match="aaaa and bbbb"):
        commands.upgrade()
    assert migrations.merge("parcels", "join").parent == workshop.folder / "parcels/migrations"
    commands.upgrade()
    assert workshop.applied() == branch_by_revision(commands.scripts()).keys()
    with pytest.raises(MigrationError, match="no second head"):
        migrations.merge("parcels", "join")


def test_generated_code_names_no_schema() -> None:
    code = f"""
    # ### commands auto generated by Alembic - please adjust! ###
    op.create_table(
        'a', sa.ForeignKeyConstraint(['b'], ['{SCHEMA}.b.id']), schema='{SCHEMA}')
    # ### end Alembic commands ###"""
    expected = """op.create_table(
        'a', sa.ForeignKeyConstraint(['b'], [f"{SCHEMA}.b.id"]), schema=SCHEMA)"""
    assert migrations.statements(code) == expected
    assert migrations.statements("") == "pass"
