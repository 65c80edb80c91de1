"""`app routes`: what the API answers to."""

import typer

cli = typer.Typer()


@cli.command()
def routes() -> None:
    """List the routes of the API."""
    from app.main import app

    found = [
        (method.upper(), path, operation.get("summary", ""))
        for path, operations in app.openapi()["paths"].items()
        for method, operation in operations.items()
    ]
    # Not a table that fits the terminal: a path cut short is none.
    longest = max(len(path) for _, path, _ in found)
    for method, path, summary in found:
        typer.echo(f"{method:<7} {path:<{longest}}  {summary}")
