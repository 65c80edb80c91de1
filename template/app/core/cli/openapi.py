"""`app openapi`: the API's description for generators of clients."""

import json
from pathlib import Path
from typing import Annotated

import typer

cli = typer.Typer()


@cli.command()
def openapi(
    output: Annotated[Path | None, typer.Option(help="File to write; default the screen.")] = None,
) -> None:
    """Write the OpenAPI document."""
    from app.main import app

    text = json.dumps(app.openapi(), indent=2, ensure_ascii=False) + "\n"
    if output:
        output.write_text(text, encoding="utf-8")
    else:
        typer.echo(text, nl=False)
