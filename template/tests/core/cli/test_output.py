"""Tables of the command line: in narrow terminals, in pipes, with odd values."""

import subprocess
import sys
from datetime import UTC, datetime

import pytest
from rich.cells import cell_len

from app.core.cli.output import print_table

LONG = "app.extensions.documents.service.announce_document_with_a_long_name"


@pytest.mark.parametrize("columns", ["40", "200"])
def test_no_name_is_cut_in_a_pipe(columns: str) -> None:
    code = f"from app.core.cli.output import print_table\nprint_table(['A', 'B'], ['{LONG}', 7])"
    out = subprocess.check_output(
        [sys.executable, "-c", code], env={"COLUMNS": columns, "PYTHONPATH": "."}, text=True
    )
    assert out.splitlines()[1] == f"{LONG}  7"
    assert "\x1b" not in out


def test_a_row_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    values = ("two\nlines", "\x1b[31mred\x1b[0m", None, datetime(2026, 1, 2, 3, 4, tzinfo=UTC))
    print_table(("A", "B", "C", "D"), values)
    (_, row) = capsys.readouterr().out.splitlines()
    assert row.split("  ")[0] == "two lines"
    assert "\x1b" not in row
    assert row.endswith("2026-01-02 03:04:00")


def test_columns_are_aligned_for_wide_characters(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("Name", "X"), ("漢字", "x"), ("abcdef", "x"))
    lines = capsys.readouterr().out.splitlines()
    assert len({cell_len(line) for line in lines}) == 1
