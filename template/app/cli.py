"""The command line: `uv run app …`."""

import importlib.util

import typer

from app.core.cli import errors


def main() -> None:
    """Run the command line."""
    errors.run(lambda: build()())


def build() -> typer.Typer:
    """Put the command line together from the machinery, the features and the dev stack."""
    from app.core.cli import console, db, doctor, feature, openapi, processes, routes, storage
    from app.core.features import load

    app = typer.Typer(
        name="app",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        add_completion=False,
        help="Everything this backend can do from a terminal.",
    )
    for part in (processes, doctor, console, routes, openapi):
        app.add_typer(part.cli)
    app.add_typer(db.cli, name="db")
    app.add_typer(feature.cli, name="feature")
    app.add_typer(storage.cli, name="storage")
    # Not in the image: see the Dockerfile.
    if importlib.util.find_spec("devstack"):
        from devstack.cli import cli as devstack

        app.add_typer(devstack)
    for found, group in load("cli"):
        app.add_typer(group, name=group.info.name or found.name)
    return app
