"""`app feature`: the features of this project. The dev stack adds `app feature new`."""

import typer

from app.core.cli.output import print_table
from app.core.features import features, installed

cli = typer.Typer(no_args_is_help=True)


@cli.callback()
def group() -> None:
    """The features of this project."""


@cli.command("list")
def list_features() -> None:
    """List the features in the code, and whether this process loads them."""
    loaded = features()
    rows = [(f.name, "yes" if f in loaded else "no", f.summary) for f in installed()]
    print_table(("Feature", "Loaded", "Description"), *rows)
