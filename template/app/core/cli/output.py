"""How commands print tables."""

from collections.abc import Sequence
from datetime import datetime

import typer
from rich.cells import cell_len


def print_table(header: Sequence[str], *rows: Sequence[object]) -> None:
    """Print rows in columns that are as wide as their longest cell: no name or id is cut.

    A row is one line in a terminal of any width and in a pipe. None is an empty cell, and a time
    is written without its zone.
    """
    cells = [[_one_line(cell) for cell in row] for row in (header, *rows)]
    widths = [max(map(cell_len, column)) for column in zip(*cells, strict=True)]
    for row in cells:
        padded = (cell + " " * (w - cell_len(cell)) for cell, w in zip(row, widths, strict=True))
        line = "  ".join(padded).rstrip()
        typer.echo(typer.style(line, bold=True) if row is cells[0] else line)


def _one_line(cell: object) -> str:
    if cell is None:
        return ""
    text = f"{cell:%Y-%m-%d %H:%M:%S}" if isinstance(cell, datetime) else str(cell)
    # Values come from users: control characters could change what a terminal shows.
    return "".join(char if char.isprintable() else " " for char in text)
