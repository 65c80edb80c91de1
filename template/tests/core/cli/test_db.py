"""`app db` as a user calls it: its output, its questions and its refusals."""

import io
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from sqlalchemy import text

import devstack.migrations  # noqa: F401 - adds two commands
from app.core.cli.db import cli
from app.core.cli.errors import run
from app.core.database.models import SCHEMA
from app.core.migrations import commands
from app.core.migrations.branches import branches
from app.core.settings import load_settings
from tests.core.migrations.workshop import Workshop, open_workshop


class Terminal(io.StringIO):
    """Standard input from a terminal."""

    def isatty(self) -> bool:
        return True


class Answer(NamedTuple):
    """The result of a call of the command line."""

    code: int
    out: str
    err: str


Call = Callable[..., Answer]


@pytest.fixture
def workshop(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Workshop]:
    with open_workshop(database_url, tmp_path, monkeypatch) as workshop:
        yield workshop


@pytest.fixture
def db(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Call:
    """Call `app db …`; `typed` is the input of a terminal, None without a terminal."""

    def call(*arguments: str, typed: str | None = None) -> Answer:
        stdin = io.StringIO() if typed is None else Terminal(typed)
        monkeypatch.setattr(sys, "stdin", stdin)
        with pytest.raises(SystemExit) as stop:
            run(lambda: cli(list(arguments), prog_name="app db"))
        printed = capsys.readouterr()
        return Answer(int(stop.value.code or 0), printed.out, printed.err)

    return call


@pytest.fixture
def parcels(workshop: Workshop) -> Workshop:
    """A feature with two applied migrations and a row."""
    workshop.feature("parcels")
    workshop.migration("parcels", "parcels_0001")
    workshop.migration(
        "parcels",
        "parcels_0002",
        after="parcels_0001",
        up='op.add_column("parcels", sa.Column("note", sa.Text()), schema=SCHEMA)',
        down='op.drop_column("parcels", "note", schema=SCHEMA)',
    )
    commands.upgrade()
    return workshop


def test_upgrade_names_each_step_and_says_when_there_is_none(workshop: Workshop, db: Call) -> None:
    first = db("upgrade")
    assert first.code == 0
    assert "Running upgrade  -> core_0001" in first.out
    again = db("upgrade")
    assert (again.code, again.err) == (0, "")
    assert "Running" not in again.out


def test_upgrade_of_one_feature_step_by_step(workshop: Workshop, db: Call) -> None:
    workshop.feature("parcels")
    workshop.migration("parcels", "parcels_0001")
    for number in (2, 3):
        workshop.migration(
            "parcels",
            f"parcels_000{number}",
            after=f"parcels_000{number - 1}",
            up="pass",
            down="pass",
        )
    assert db("upgrade", "--feature", "parcels", "parcels_0001").code == 0
    assert workshop.applied() == {"core_0001", "parcels_0001"}
    assert db("upgrade", "--feature", "parcels", "+1").code == 0
    assert workshop.applied() == {"core_0001", "parcels_0001", "parcels_0002"}
    assert "Running" not in db("upgrade", "--feature", "parcels", "parcels_0002").out
    wrong = db("upgrade", "--feature", "parcels", "core_0001")
    assert wrong.code == 1
    assert "core_0001" in wrong.err
    assert "'parcels'" in wrong.err


def test_status_current_and_history(parcels: Workshop, db: Call) -> None:
    parcels.feature("labels")
    parcels.migration("labels", "labels_0001")
    rows = [line.split() for line in db("status").out.splitlines()]
    assert ["parcels", "parcels_0002", "parcels_0002", "0"] in rows
    assert ["labels", "-", "labels_0001", "1"] in rows
    assert "parcels parcels_0002\n" in db("current").out
    assert db("current", "--feature", "labels").out == "labels -\n"
    history = db("history", "--feature", "parcels").out.splitlines()
    assert [line.split()[0] for line in history[1:]] == ["parcels_0002", "parcels_0001"]

    db("upgrade")
    parcels.switch_off("labels")
    assert "data kept" in db("status").out


def test_status_counts_rows_or_estimates_them(
    parcels: Workshop, db: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.core.cli.db.MAX_COUNTED", 3)

    def rows(number: int, *, analyzed: bool = False) -> str:
        with parcels.connected() as connection:
            name = f"{SCHEMA}.parcels"
            connection.execute(text(f"TRUNCATE {name}"))
            insert = f"INSERT INTO {name} (id) SELECT generate_series(1, {number})"
            connection.execute(text(insert))
            if analyzed:
                connection.execute(text(f"ANALYZE {name}"))
        lines = db("status", "--feature", "parcels").out.splitlines()
        (line,) = [line for line in lines if line.startswith("parcels  parcels  ")]
        return line.split("  ")[-1]

    assert rows(3) == "3"
    assert rows(4) == "more than 3"
    assert rows(50, analyzed=True) == "about 50"
    parcels.switch_off("parcels")
    assert ["parcels", "parcels", "about", "50"] in map(str.split, db("status").out.splitlines())


def test_show_a_branch(parcels: Workshop, db: Call) -> None:
    shown = db("show", "parcels").out
    assert shown.index("Rev: parcels_0002") < shown.index("Rev: parcels_0001")
    assert "core_0001" not in shown.partition("Rev: parcels_0001")[0]
    parcels.feature("labels")
    assert db("show", "labels") == (0, "'labels' has no migration.\n", "")


def test_show(parcels: Workshop, db: Call) -> None:
    shown = db("show", "parcels_0002").out
    assert "parcels_0001" in shown
    assert "parcels_0002.py" in shown
    missing = db("show", "nowhere")
    assert missing.code == 1
    assert "'nowhere'" in missing.err


def test_migrate_writes_nothing(workshop: Workshop, db: Call) -> None:
    behind = db("migrate", "--feature", "users", "-m", "x")
    assert behind.code == 1
    assert "uv run app db upgrade" in behind.err
    db("upgrade")
    unchanged = db("migrate", "--feature", "users", "-m", "x")
    assert unchanged.code == 0
    assert "'users'" in unchanged.out
    unknown = db("migrate", "--feature", "usrs", "-m", "x")
    assert unknown.code == 1
    assert "'usrs'" in unknown.err
    assert ", ".join(branches()) in unknown.err
    assert db("migrate", "--feature", "users", "-m", " ").code == 1


def test_migrate_prints_the_path(workshop: Workshop, db: Call) -> None:
    workshop.feature("parcels", models=True)
    db("upgrade")
    written = db("migrate", "--feature", "parcels", "-m", "make parcels")
    assert "parcels/migrations/parcels_0001_make_parcels.py" in written.out
    assert "Running upgrade  -> parcels_0001, make parcels" in db("upgrade").out


def test_downgrade_asks_and_names_what_goes(parcels: Workshop, db: Call) -> None:
    refused = db("downgrade", "--feature", "parcels", typed="n\n")
    assert refused.code == 1
    assert "parcels_0002 (parcels_0002)" in refused.out
    assert "parcels_0001" not in refused.out
    assert "parcels_0002" in parcels.applied()

    unattended = db("downgrade", "--feature", "parcels")
    assert unattended.code == 1
    assert "--yes" in unattended.err
    assert db("downgrade", "--feature", "parcels", typed="y\n").code == 0
    assert "parcels_0002" not in parcels.applied()
    assert db("downgrade", "--feature", "parcels", "base", "--yes").code == 0
    assert "parcels_0001" not in parcels.applied()
    again = db("downgrade", "--feature", "parcels")
    assert again.code == 0
    assert "Running" not in again.out


def test_downgrade_to_a_revision_takes_dependents_along(parcels: Workshop, db: Call) -> None:
    parcels.feature("labels")
    parcels.migration("labels", "labels_0001", needs=("parcels_0002",))
    db("upgrade")
    for target in ("parcels_0001", "-1"):
        refused = db("downgrade", "--feature", "parcels", target, typed="n\n")
        assert "labels_0001 (labels_0001), parcels_0002 (parcels_0002)" in refused.out
    assert db("downgrade", "--feature", "parcels", "parcels_0001", "--yes").code == 0
    assert {"labels_0001", "parcels_0002"}.isdisjoint(parcels.applied())
    assert "parcels_0001" in parcels.applied()
    for target in ("parcels_0002", "core_0001"):
        wrong = db("downgrade", "--feature", "parcels", target, "--yes")
        assert wrong.code == 1
        assert target in wrong.err


def test_check_lists_the_drift(workshop: Workshop, db: Call) -> None:
    db("upgrade")
    agreed = db("check")
    assert (agreed.code, agreed.err) == (0, "")
    with workshop.connected() as connection:
        connection.execute(text(f"CREATE TABLE {SCHEMA}.visitor (id int)"))
        connection.execute(text(f"ALTER TABLE {SCHEMA}.users ADD COLUMN stray int"))
    drifted = db("check", "--feature", "users")
    assert drifted.code == 1
    assert "remove column" in drifted.err
    assert "stray" in drifted.err
    assert "no row level security on visitor" in drifted.err


def test_reset_asks_and_starts_over(parcels: Workshop, db: Call) -> None:
    with parcels.connected() as connection:
        connection.execute(text(f"INSERT INTO {SCHEMA}.parcels VALUES (1)"))
    assert db("reset", typed="n\n").code == 1
    assert db("reset").code == 1
    assert "Running upgrade" in db("reset", "--yes").out
    with parcels.connected() as connection:
        assert connection.scalar(text(f"SELECT count(*) FROM {SCHEMA}.parcels")) == 0


@pytest.mark.parametrize(
    "command",
    [("reset",), ("downgrade", "--feature", "parcels"), ("drop-feature", "parcels")],
)
def test_production_refuses_without_force(
    parcels: Workshop, db: Call, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    monkeypatch.setenv("ENVIRONMENT", "production")
    monkeypatch.setenv("SUPABASE_URL", "https://example.supabase.co")
    monkeypatch.setenv("ALLOWED_HOSTS", "example.com")
    load_settings.cache_clear()

    refused = db(*command, "--yes")

    assert refused.code == 1
    assert "ENVIRONMENT" in refused.err
    assert "--force" in refused.err
    assert "parcels_0002" in parcels.applied()
    assert db(*command, "--yes", "--force").code == 0


def test_drop_feature(parcels: Workshop, db: Call) -> None:
    refused = db("drop-feature", "parcels", typed="n\n")
    assert refused.code == 1
    assert "parcels" in refused.out
    assert "parcels_0002" in parcels.applied()
    dropped = db("drop-feature", "parcels", "--yes")
    assert "parcels and 2 migrations" in dropped.out
    again = db("drop-feature", "parcels", "--yes")
    assert again.code == 1
    assert "'parcels'" in again.err


def test_a_second_head(workshop: Workshop, db: Call) -> None:
    workshop.feature("parcels")
    workshop.migration("parcels", "parcels_0001")
    for revision in ("aaaa", "bbbb"):
        workshop.migration("parcels", revision, after="parcels_0001", up="pass", down="pass")
    refused = db("upgrade")
    assert refused.code == 1
    assert "aaaa and bbbb" in refused.err
    assert "uv run app db merge --feature parcels" in refused.err
    assert db("merge", "--feature", "parcels").code == 0
    assert db("upgrade").code == 0


def test_connection_test(workshop: Workshop, db: Call) -> None:
    answer = db("test")
    assert "PostgreSQL" in answer.out
    assert "Pool mode  direct" in answer.out


@pytest.mark.parametrize("command", ["test", "upgrade", "status", "check", "history"])
def test_a_database_that_is_down(
    workshop: Workshop, db: Call, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")
    load_settings.cache_clear()
    answer = db(command)
    assert answer.code == 1
    assert "DATABASE_URL" in answer.err
    assert answer.err.count("\n") == 1


def test_a_transaction_pooler_is_refused(
    workshop: Workshop, db: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MIGRATION_DATABASE_URL", "postgresql://postgres@127.0.0.1:6543/none")
    load_settings.cache_clear()
    answer = db("upgrade")
    assert answer.code == 1
    assert "MIGRATION_DATABASE_URL" in answer.err
