"""`app routes` and `app openapi`: the routes of the API and their description.

The API is imported in the commands: its import takes a second, which other commands do not need.
"""

import json
from pathlib import Path
from typing import Annotated

import typer

from app.core.cli.output import print_table

cli = typer.Typer()


@cli.command()
def routes() -> None:
    """List the routes of the API."""
    from app.main import app

    print_table(
        *(
            (method.upper(), path, operation.get("summary", ""))
            for path, operations in app.openapi()["paths"].items()
            for method, operation in operations.items()
        )
    )


@cli.command()
def openapi(
    output: Annotated[Path | None, typer.Option(help="File to write; default: print it.")] = None,
) -> None:
    """Write the OpenAPI document, for generators of API clients."""
    from app.main import app

    text = json.dumps(app.openapi(), indent=2, ensure_ascii=False) + "\n"
    if output:
        output.write_text(text, encoding="utf-8")
    else:
        typer.echo(text, nl=False)
