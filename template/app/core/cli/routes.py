"""`app routes`: what the API answers to."""

import typer
from rich.console import Console
from rich.table import Table

cli = typer.Typer()


@cli.command()
def routes() -> None:
    """List the routes of the API."""
    from app.main import app

    table = Table("Method", "Path", "What", box=None)
    for path, operations in app.openapi()["paths"].items():
        for method, operation in operations.items():
            table.add_row(method.upper(), path, operation.get("summary", ""))
    Console().print(table)
