"""The command line: `uv run app …`."""

import importlib.util

import typer

from app.core.cli import errors


def main() -> None:
    """Run the command line."""
    errors.run(lambda: build()())


def build() -> typer.Typer:
    """Collect the commands of core, of the features and of the dev stack."""
    # An import reads the settings, and `errors.run` prints what is wrong there.
    from app.core.cli import api, console, db, doctor, feature, processes, storage
    from app.core.features import load

    app = typer.Typer(
        name="app",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        add_completion=False,
        help="All commands of this backend.",
    )
    for part in (processes, doctor, console, api):
        app.add_typer(part.cli)
    app.add_typer(db.cli, name="db")
    app.add_typer(feature.cli, name="feature")
    app.add_typer(storage.cli, name="storage")
    # The image does not contain it: see the Dockerfile.
    if importlib.util.find_spec("devstack"):
        from devstack.cli import cli as devstack

        app.add_typer(devstack)
    for found, group in load("cli"):
        app.add_typer(group, name=group.info.name or found.name)
    return app
