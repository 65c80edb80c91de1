"""`app feature`: the features of this project. The dev stack adds `app feature new`."""

import typer
from rich.console import Console
from rich.table import Table

from app.core.features import features, installed

cli = typer.Typer(no_args_is_help=True, help="The features of this project, and new ones.")


@cli.callback()
def group() -> None:
    """The features of this project, and new ones."""


@cli.command("list")
def list_features() -> None:
    """List the features in the code, and whether this process loads them."""
    loaded = {feature.name for feature in features()}
    table = Table("Feature", "Loaded", "What", box=None)
    for feature in installed():
        table.add_row(feature.name, "yes" if feature.name in loaded else "no", feature.summary)
    Console().print(table)
