"""Every column needs a decision about personal data, and one that its type allows."""

import pytest
from sqlalchemy import text

from app.core.database.models import SCHEMA
from app.core.migrations.connections import migration_engine
from app.core.migrations.personal_data import undecided
from app.core.personal_data import Rows, Rule
from app.extensions.users import personal_data


def problems(*statements: str) -> list[str]:
    """The problems after these statements, which are rolled back."""
    with migration_engine().connect() as connection:
        for statement in statements:
            connection.execute(text(statement.replace("app.", f"{SCHEMA}.")))
        return undecided(connection)


def decide(monkeypatch: pytest.MonkeyPatch, rows: Rows) -> None:
    monkeypatch.setitem(personal_data.TABLES, "users", rows)


def test_everything_is_decided() -> None:
    assert problems() == []


@pytest.mark.parametrize(
    "kind", ["text", "varchar(20)", "jsonb", "bytea", "date", "bigint", "inet"]
)
def test_a_new_column_needs_a_decision(kind: str) -> None:
    (problem,) = problems(f"ALTER TABLE app.users ADD phone {kind}")
    assert problem.startswith("users.phone: no decision")


@pytest.mark.parametrize("kind", ["uuid", "boolean", "timestamptz"])
def test_a_column_that_tells_nothing_needs_none(kind: str) -> None:
    assert problems(f"ALTER TABLE app.users ADD extra {kind}") == []


def test_a_decision_needs_its_column() -> None:
    (problem,) = problems("ALTER TABLE app.users DROP display_name")
    assert problem.startswith("users.display_name:")


@pytest.mark.parametrize(
    ("rule", "kind"),
    [
        ("EMAIL", "varchar(20)"),
        ("EMAIL", "jsonb"),
        ("TOKEN", "varchar(8)"),
        ("TEXT", "bigint"),
        ("NAME", "date"),
        ("EMPTY", "bigint NOT NULL DEFAULT 1"),
    ],
)
def test_a_rule_must_fit_the_column(monkeypatch: pytest.MonkeyPatch, rule: str, kind: str) -> None:
    rows = personal_data.TABLES["users"]
    replace = {**rows.replace, "extra": Rule[rule]}
    decide(monkeypatch, Rows(replace, keep=rows.keep))
    (problem,) = problems(f"ALTER TABLE app.users ADD extra {kind}")
    assert problem.startswith("users.extra:")
    assert "no decision" not in problem


def test_a_column_is_either_kept_or_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = personal_data.TABLES["users"]
    decide(monkeypatch, Rows(rows.replace, keep=[*rows.keep, "email"]))
    assert problems() == ["users.email: both kept and replaced."]


def test_a_row_does_not_refer_to_one_that_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    statements = ("ALTER TABLE app.users ADD task_id uuid REFERENCES app.tasks",)
    (problem,) = problems(*statements)
    assert problem.startswith("users.task_id: it refers to tasks")
    rows = personal_data.TABLES["users"]
    replace = {**rows.replace, "task_id": Rule.EMPTY}
    decide(monkeypatch, Rows(replace, keep=rows.keep))
    assert problems(*statements) == []


def test_tables_of_other_programs_need_no_decision() -> None:
    assert problems("CREATE TABLE app.foreign_notes (note text)") == []
