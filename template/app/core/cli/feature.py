"""`app feature`: features of this project."""

import typer

cli = typer.Typer(no_args_is_help=True, help="The features of this project.")
