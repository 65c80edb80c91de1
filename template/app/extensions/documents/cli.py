"""`app documents`: the models behind the search."""

import asyncio
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table
from sqlalchemy import Engine, NullPool

from app.core.cli.confirm import confirm_destructive
from app.core.cli.errors import CliError
from app.core.database import migration_url, sync_engine
from app.core.settings import get_settings, load_settings
from app.extensions.documents import indexes
from app.extensions.documents import reembed as rules
from app.extensions.documents.embedding import EmbeddingError, WrongModelError, embedder
from app.extensions.documents.settings import DocumentSettings

cli = typer.Typer(name="documents", no_args_is_help=True, help="How documents are found.")


@cli.command()
def status() -> None:
    """Show which models have vectors, of how many chunks, and which one searches use."""
    provider = embedder(load_settings(DocumentSettings))
    table = Table("Model", "Vectors", "Missing", "Index", "In use", box=None)
    with _engine().connect() as connection:
        found = rules.models(connection)
        for model in sorted({provider.model, *found}):
            missing, _ = rules.count_missing(connection, model)
            indexed = "yes" if indexes.is_indexed(connection, model) else "no"
            used = "yes" if model == provider.model else ""
            table.add_row(model, str(found.get(model, 0)), str(missing), indexed, used)
    Console().print(table)


@cli.command()
def reembed(
    memory: Annotated[
        str,
        typer.Option(help="Of the server, for building the index.", metavar="SIZE"),
    ] = "256MB",
) -> None:
    """Make the vectors that chunks lack of the model in the settings, then its index.

    Give the new model in this command's environment while everything else still runs with the old
    one; what was broken off goes on where it was.
    """
    provider = embedder(load_settings(DocumentSettings))
    engine = _engine()
    with engine.connect() as connection:
        missing, _ = rules.count_missing(connection, provider.model)
    with Progress(console=Console(stderr=True)) as bar:
        task = bar.add_task(provider.model, total=missing)
        try:
            count = asyncio.run(rules.fill(engine, provider, lambda done: bar.advance(task, done)))
        except (EmbeddingError, WrongModelError) as error:
            raise CliError(f"{error} What is done stays; run it again to go on.") from error
    if not indexes.ensure_index(engine, provider.model, provider.dimensions, memory=memory):
        raise CliError("Another process builds the index: wait for it, and run this again.")
    typer.echo(f"{count} vectors of {provider.model} were made; every chunk has one.")


@cli.command()
def prune(
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    force: Annotated[bool, typer.Option(help="In production, too.")] = False,
) -> None:
    """Delete the vectors and indexes of all models but the one in the settings."""
    provider = embedder(load_settings(DocumentSettings))
    engine = _engine()
    with engine.connect() as connection:
        others = {m: n for m, n in rules.models(connection).items() if m != provider.model}
        missing, _ = rules.count_missing(connection, provider.model)
    if not others:
        typer.echo(f"There are no vectors but those of {provider.model}.")
        return
    if missing:
        raise CliError(
            f"{missing} chunks have no vector of {provider.model} yet: run `uv run app documents "
            "reembed` first."
        )
    what = ", ".join(f"{count} of {model}" for model, count in sorted(others.items()))
    confirm_destructive(f"Vectors are deleted: {what}.", yes=yes, force=force)
    for model in others:
        indexes.drop_index(engine, model)
        rules.forget(engine, model)
    typer.echo(f"Deleted: {what}.")


def _engine() -> Engine:
    # Not a transaction-mode pooler's: building an index takes settings that last.
    settings = get_settings()
    return sync_engine(migration_url(settings), settings, poolclass=NullPool)
