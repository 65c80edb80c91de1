"""The matrix: its rows cover every allowed pair of answers, and a conflict is refused."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

import copier
import pytest
import yaml

from scripts import matrix
from scripts.checks import load_checks
from scripts.configurator import PAGE, SECONDS
from scripts.matrix import questions
from scripts.options import write
from support.answers import matrix_variants
from support.commands import run
from support.editing import append
from support.snapshot import ROOT, commit

CONFLICTS = load_checks().CONFLICTS
MESSAGE = "moon requires night. Switch night on, or moon off."


def missing(rows: list[dict[str, Any]], folder: Path = ROOT) -> list[matrix.Pair]:
    """The allowed pairs that no row covers."""
    space = matrix.dimensions(matrix.questions(folder))
    covered = {pair for row in rows for pair in matrix.pairs_of(row)}
    pairs = matrix.allowed_pairs(space, load_checks(folder).CONFLICTS)
    return [pair for pair in pairs if pair not in covered]


def test_committed_matrix_is_current() -> None:
    assert matrix.MATRIX.read_text("utf-8") == matrix.text(), "run: uv run python -m scripts.matrix"


def test_rows_cover_every_allowed_pair() -> None:
    rows = list(matrix_variants().values())
    assert rows
    assert missing(rows) == []
    assert missing(rows[1:]) != [], "the first row is not needed"


def test_rows_answer_every_question_that_has_values() -> None:
    space = matrix.dimensions(questions())
    free = set(questions()) - set(space) - set(matrix.IN_TURN)
    assert free == {"project_name", "project_slug"}, "add the others to TEXTS of scripts/matrix.py"
    for name, row in matrix_variants().items():
        assert list(row) == [*space, *matrix.IN_TURN], name
        assert not matrix.conflicting(row, CONFLICTS), name


def test_rows_take_choices_in_turn() -> None:
    for name in matrix.IN_TURN:
        chosen = [row[name] for row in matrix_variants().values()]
        assert set(chosen) == set(matrix.choices(questions()[name]))


def test_declared_conflicts_are_refused(template: Path, tmp_path: Path) -> None:
    for entry in CONFLICTS:
        with pytest.raises(Exception, match=re.escape(entry["message"])):
            copier.run_copy(
                str(template), tmp_path / "x", data=entry["answers"], defaults=True, quiet=True
            )


OPTIONS = f"""
night:
  help: Night?
  preset: everything

moon:
  help: A moon?
  preset: everything
  conflicts:
    - answers: {{night: false}}
      message: {MESSAGE}
"""


@pytest.fixture
def night(tmp_path: Path) -> Path:
    """The questions of this template, with two more options of which one requires the other."""
    folder = tmp_path / "template"
    for name in ("copier.yml", "checks.jinja", "options.yml", "template/pyproject.toml.jinja"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    (folder / "scripts").mkdir()
    for path in (PAGE, SECONDS):  # the configurator is written from them
        shutil.copy(path, folder / "scripts")
    shutil.copytree(ROOT / "docs", folder / "docs")  # the pages of projects are written from it
    (folder / "template/docs").mkdir()
    (folder / "template/{{ _copier_conf.answers_file }}.jinja").write_text(
        "{{ _copier_answers | to_nice_yaml }}"
    )
    append(folder / "options.yml", OPTIONS)
    write(folder)
    run(["git", "init", "--quiet"], folder)
    commit(folder, "Night and moon", "v1.0.0")
    return folder


def test_new_option_is_missing_until_the_matrix_is_rewritten(night: Path) -> None:
    assert any("night" in dict(pair) for pair in missing(list(matrix_variants().values()), night))
    rows = json.loads(matrix.text(night))
    assert missing(rows, night) == []
    assert not any(row["moon"] and not row["night"] for row in rows)
    assert {(row["moon"], row["night"]) for row in rows} == {
        (False, False),
        (False, True),
        (True, True),
    }
    assert matrix.text(night) == matrix.text(night)


def test_new_value_is_missing_until_the_matrix_is_rewritten(night: Path) -> None:
    config = yaml.safe_load((night / "copier.yml").read_text("utf-8"))
    config["python_version"]["choices"].append("3.15")
    (night / "copier.yml").write_text(yaml.safe_dump(config, sort_keys=False), "utf-8")
    gone = missing(list(matrix_variants().values()), night)
    assert (("license", "MIT"), ("python_version", "3.15")) in gone


@pytest.mark.parametrize(
    "data", [{"moon": True}, {"moon": True, "night": False}, {"moon": "true", "night": "false"}]
)
def test_conflict_is_refused(data: dict[str, Any], night: Path, tmp_path: Path) -> None:
    with pytest.raises(Exception, match=re.escape(MESSAGE)):
        copier.run_copy(str(night), tmp_path / "x", data=data, defaults=True, quiet=True)
    assert not (tmp_path / "x").exists()


def test_rows_without_a_conflict_are_accepted(night: Path, tmp_path: Path) -> None:
    for number, row in enumerate(json.loads(matrix.text(night))):
        dest = tmp_path / str(number)
        copier.run_copy(str(night), dest, data=row, defaults=True, quiet=True)
        recorded = yaml.safe_load((dest / ".copier-answers.yml").read_text("utf-8"))
        assert {name: recorded[name] for name in row} == row


def test_pair_that_no_row_can_hold_is_an_error() -> None:
    space = {"a": [False, True], "b": [False, True], "c": [False, True]}
    conflicts = [
        {"answers": {"a": True, "c": False}},
        {"answers": {"b": True, "c": True}},
    ]
    with pytest.raises(ValueError, match="no row can hold"):
        matrix.cover(space, conflicts)
