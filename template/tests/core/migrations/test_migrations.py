"""Branches that are added and removed, on a real database."""

import subprocess
import sys
import threading
from pathlib import Path

import pytest
from alembic import command
from alembic.config import main
from sqlalchemy import inspect, text
from sqlalchemy.ext.asyncio import AsyncConnection

from app.core.database.models import SCHEMA
from app.core.migrations import commands, drop, history, state
from app.core.migrations.branches import branches
from app.core.migrations.connections import exclusive_connection
from app.core.migrations.errors import MigrationError
from app.core.migrations.graph import branch_by_revision, effective_heads
from tests.core.migrations.workshop import Workshop

PROJECT = Path(__file__).parents[3]
OWN_TABLES = {"alembic_version", "alembic_log"}


def known() -> set[str]:
    return set(branch_by_revision(commands.scripts()))


def tables(workshop: Workshop) -> set[str]:
    with workshop.connected() as connection:
        return set(inspect(connection).get_table_names(SCHEMA))


def test_up_and_down_and_up_again(workshop: Workshop) -> None:
    commands.upgrade()
    assert workshop.applied() == known()
    assert commands.drift() == []

    command.downgrade(commands.config(), "base")
    assert tables(workshop) == OWN_TABLES
    assert workshop.applied() == set()

    commands.upgrade()
    assert commands.drift() == []


def test_a_feature_that_is_off_keeps_its_data_and_continues_where_it_was(
    workshop: Workshop,
) -> None:
    heads = effective_heads(commands.scripts(), known())
    workshop.feature("parcels")
    # With these dependencies, Alembic stores a single row.
    workshop.migration("parcels", "parcels_0001", needs=tuple(sorted(heads)))
    commands.upgrade()
    assert workshop.version_rows() == {"parcels_0001"}
    with workshop.connected() as connection:
        connection.execute(text(f"INSERT INTO {SCHEMA}.parcels VALUES (7)"))

    workshop.switch_off("parcels")
    state.revisions.cache_clear()
    commands.upgrade()
    assert workshop.version_rows() == effective_heads(commands.scripts(), known())
    assert commands.drift() == []

    workshop.switch_on("parcels")
    workshop.migration(
        "parcels",
        "parcels_0002",
        after="parcels_0001",
        up='op.add_column("parcels", sa.Column("note", sa.Text()), schema=SCHEMA)',
        down='op.drop_column("parcels", "note", schema=SCHEMA)',
    )
    with workshop.connected() as connection:
        assert state.pending(connection) == ["parcels_0002"]
    commands.upgrade()
    with workshop.connected() as connection:
        rows = connection.execute(text(f"SELECT id, note FROM {SCHEMA}.parcels")).all()
    assert rows == [(7, None)]


def test_a_database_without_history_is_adopted(workshop: Workshop) -> None:
    commands.upgrade()
    rows = workshop.version_rows()
    with workshop.connected() as connection:
        connection.execute(text(f"DROP TABLE {SCHEMA}.alembic_log"))
        connection.execute(text(f"INSERT INTO {SCHEMA}.alembic_version VALUES ('gone_0001')"))

    commands.upgrade()

    assert workshop.applied() == known() | {"gone_0001"}
    assert workshop.version_rows() == rows
    with workshop.connected() as connection:
        branches = {entry.revision: entry.branch for entry in history.entries(connection)}
    assert branches["gone_0001"] == history.UNKNOWN


def test_stamping_updates_the_history(workshop: Workshop) -> None:
    workshop.feature("parcels")
    workshop.migration("parcels", "parcels_0001")
    workshop.migration("parcels", "parcels_0002", after="parcels_0001", up="pass", down="pass")

    command.stamp(commands.config(), "parcels_0002")
    assert workshop.applied() == {"core_0001", "parcels_0001", "parcels_0002"}
    command.stamp(commands.config(), "parcels_0001")
    assert workshop.applied() == {"core_0001", "parcels_0001"}
    command.stamp(commands.config(), "base", purge=True)
    assert workshop.applied() == set()


def test_dropping_a_feature_that_is_no_longer_in_the_code(workshop: Workshop) -> None:
    workshop.feature("parcels")
    workshop.migration(
        "parcels",
        "parcels_0001",
        up=(
            'kind = sa.Enum("big", "small", name="parcel_kind", schema=SCHEMA)\n'
            'op.create_table("parcels", sa.Column("kind", kind), schema=SCHEMA)\n'
            'protect("parcels")\n'
            "op.execute(\n"
            "    f'CREATE FUNCTION {SCHEMA}.parcel_check() RETURNS trigger LANGUAGE plpgsql'\n"
            "    ' AS $$ BEGIN RETURN NEW; END $$'\n"
            ")\n"
            "op.execute(\n"
            "    f'CREATE TRIGGER checked BEFORE UPDATE ON {SCHEMA}.parcels'\n"
            "    f' FOR EACH ROW EXECUTE FUNCTION {SCHEMA}.parcel_check()'\n"
            ")"
        ),
    )
    commands.upgrade()
    workshop.switch_off("parcels")

    gone = drop.drop("parcels")

    assert gone == drop.Remains(["parcels"], ["parcels_0001"])
    assert "parcels" not in tables(workshop)
    with pytest.raises(MigrationError, match="parcels"):
        drop.drop("parcels")
    # A type or function that was left behind would make this fail.
    workshop.switch_on("parcels")
    commands.upgrade()
    assert "parcels" in tables(workshop)


def test_a_feature_that_others_depend_on_is_not_dropped(workshop: Workshop) -> None:
    workshop.feature("parcels")
    workshop.migration(
        "parcels",
        "parcels_0001",
        up=(
            'op.create_table("parcels", sa.Column("id", sa.Integer(), primary_key=True),'
            " schema=SCHEMA)"
        ),
    )
    workshop.feature("labels")
    workshop.migration(
        "labels",
        "labels_0001",
        needs=("parcels_0001",),
        up=(
            'key = sa.ForeignKey(f"{SCHEMA}.parcels.id")\n'
            'op.create_table("labels", sa.Column("parcel_id", sa.Integer(), key), schema=SCHEMA)'
        ),
    )
    commands.upgrade()

    with pytest.raises(MigrationError, match=r"labels_0001 \(labels\)"):
        drop.drop("parcels")
    with pytest.raises(MigrationError, match="core"):
        drop.drop("core")

    workshop.switch_off("labels")
    # No script depends on it any more, but the foreign key does.
    with pytest.raises(MigrationError, match=rf"{SCHEMA}\.labels"):
        drop.drop("parcels")
    assert {"parcels_0001", "labels_0001"} <= workshop.applied()
    assert {"parcels", "labels"} <= tables(workshop)
    drop.drop("labels")
    drop.drop("parcels")
    assert {"parcels", "labels"}.isdisjoint(tables(workshop))


def test_a_dropped_feature_returns_with_one_that_depends_on_it(workshop: Workshop) -> None:
    workshop.feature("parcels")
    workshop.migration("parcels", "parcels_0001")
    workshop.feature("rates")
    insert = 'op.execute(f"INSERT INTO {SCHEMA}.parcels VALUES (7)")'
    delete = 'op.execute(f"DELETE FROM {SCHEMA}.parcels")'
    workshop.migration("rates", "rates_0001", needs=("parcels_0001",), up=insert, down=delete)
    commands.upgrade()

    workshop.switch_off("rates")
    drop.drop("parcels")
    workshop.switch_on("rates")
    commands.upgrade()

    # Both ran again: without the tables of parcels, the migration of rates no longer counted.
    with workshop.connected() as connection:
        assert connection.scalars(text(f"SELECT id FROM {SCHEMA}.parcels")).all() == [7]
    assert {"parcels_0001", "rates_0001"} <= workshop.applied()


def test_a_failing_migration_leaves_nothing_and_those_before_it_stay(workshop: Workshop) -> None:
    workshop.feature("parcels")
    workshop.migration("parcels", "parcels_0001")
    workshop.migration(
        "parcels",
        "parcels_0002",
        after="parcels_0001",
        up='op.create_table("half", schema=SCHEMA)\nop.execute("SELECT 1 / 0")',
    )
    with pytest.raises(MigrationError, match="division by zero"):
        commands.upgrade()
    assert "parcels_0001" in workshop.applied()
    assert "parcels_0002" not in workshop.applied()
    assert "half" not in tables(workshop)


def test_a_dependency_that_is_off_is_named(workshop: Workshop) -> None:
    workshop.feature("parcels")
    workshop.migration("parcels", "parcels_0001", needs=("labels_0001",))
    with pytest.raises(MigrationError, match="labels_0001"):
        commands.upgrade()


def test_an_index_is_built_concurrently_under_the_lock(workshop: Workshop) -> None:
    workshop.feature("parcels")
    workshop.migration("parcels", "parcels_0001")
    workshop.migration(
        "parcels",
        "parcels_0002",
        after="parcels_0001",
        up=(
            "with op.get_context().autocommit_block():\n"
            '    op.create_index("ix_parcels_id", "parcels", ["id"], schema=SCHEMA,'
            " postgresql_concurrently=True)"
        ),
    )
    commands.upgrade()
    assert "parcels_0002" in workshop.applied()


def test_our_command_and_the_stock_command_wait_for_each_other(
    workshop: Workshop, caplog: pytest.LogCaptureFixture
) -> None:
    ours = threading.Thread(target=commands.upgrade)
    with stock_alembic("upgrade heads", "current", "check", "history") as stock:
        with exclusive_connection():
            ours.start()
            assert stock.stderr is not None
            assert "Waiting for another migration" in stock.stderr.readline()
            assert "Waiting for another migration" in caplog.text
            assert tables(workshop) == set()
        ours.join(timeout=20)
        out, problems = stock.communicate(timeout=30)
    assert stock.returncode == 0, problems
    assert workshop.applied() == known()
    assert "No new upgrade operations detected." in out
    heads = effective_heads(commands.scripts(), known())
    assert heads <= set(out.replace(",", " ").split())


def test_stock_commands_know_all_branches(workshop: Workshop) -> None:
    with stock_alembic("heads", "show items_0001") as stock:
        out, problems = stock.communicate(timeout=30)
    assert stock.returncode == 0, problems
    directory = commands.scripts()
    assert {line.split()[0] for line in out.splitlines() if "(" in line} >= set(
        directory.get_heads()
    )
    assert "items_0001_" in out


@pytest.mark.parametrize(
    "words",
    ["upgrade head", "stamp head", "show head", "edit head", "revision -mx"],
)
def test_stock_commands_that_need_one_head_name_ours(
    workshop: Workshop, capfd: pytest.CaptureFixture[str], words: str
) -> None:
    with pytest.raises(SystemExit):
        main(["-c", str(PROJECT / "alembic.ini"), *words.split()])
    assert "uv run app db" in "".join(capfd.readouterr())
    assert tables(workshop) == set()


@pytest.mark.parametrize("words", ["base", "-1", "core@base", "items_0001"])
def test_the_stock_downgrade_deletes_nothing(
    workshop: Workshop, capfd: pytest.CaptureFixture[str], words: str
) -> None:
    commands.upgrade()
    before = tables(workshop)
    with pytest.raises(SystemExit) as stop:
        main(["-c", str(PROJECT / "alembic.ini"), "downgrade", words])
    assert stop.value.code
    assert "app db downgrade --feature" in "".join(capfd.readouterr())
    assert tables(workshop) == before


def test_the_stock_merge_writes_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    core = branches()["core"]
    before = set(core.glob("*.py"))
    with pytest.raises(SystemExit) as stop:
        main(["-c", str(PROJECT / "alembic.ini"), "merge", "heads", "-m", "all"])
    assert stop.value.code
    assert "app db merge --feature" in "".join(capfd.readouterr())
    assert set(core.glob("*.py")) == before


async def test_pending_on_an_async_connection(connection: AsyncConnection) -> None:
    assert await connection.run_sync(state.pending) == []


def test_pending_knows_the_revisions_that_alembic_knows(workshop: Workshop) -> None:
    with workshop.connected() as connection:
        assert set(state.pending(connection)) == known()


def test_a_locked_table_is_explained(workshop: Workshop) -> None:
    commands.upgrade()
    lock = text(f"LOCK TABLE {SCHEMA}.alembic_log")
    with workshop.connected() as first, workshop.connected() as second:
        first.execute(lock)
        second.execute(text("SET LOCAL lock_timeout = '20ms'"))
        with pytest.raises(MigrationError, match="locked a table"), commands.translate_errors():
            second.execute(lock)


def stock_alembic(*commands_: str) -> "subprocess.Popen[str]":
    """Run commands of `alembic` in one process, which saves time."""
    code = "import sys\nfrom alembic.config import main\nfor c in sys.argv[1:]: main(c.split())"
    return subprocess.Popen(
        [sys.executable, "-c", code, *commands_],
        cwd=PROJECT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
