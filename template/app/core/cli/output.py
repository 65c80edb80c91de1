"""How commands print tables."""

from collections.abc import Sequence

import typer


def print_table(*rows: Sequence[str]) -> None:
    """Print rows in columns that are as wide as their longest cell: no path or id is cut."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        typer.echo("  ".join(cells).rstrip())
