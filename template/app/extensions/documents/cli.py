"""`app documents`: commands for the embedding models."""

import asyncio
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress

from app.core.cli.confirm import confirm_destructive
from app.core.cli.errors import CliError
from app.core.cli.output import print_table
from app.core.settings import load_settings
from app.extensions.documents import indexes
from app.extensions.documents import reembed as vectors
from app.extensions.documents.embedding import EmbeddingError, WrongModelError, create_embedder
from app.extensions.documents.settings import DocumentSettings

cli = typer.Typer(name="documents", no_args_is_help=True, help="Embedding models of documents.")


@cli.command()
def status() -> None:
    """Show the models with their vectors and indexes, and which model searches use."""
    embedder = create_embedder(load_settings(DocumentSettings))
    rows = []
    with indexes.index_engine().connect() as connection:
        found = vectors.count_vectors(connection)
        for model in sorted({embedder.model, *found}):
            missing, _ = vectors.count_missing(connection, model)
            indexed = "yes" if indexes.is_indexed(connection, model) else "no"
            used = "yes" if model == embedder.model else ""
            rows.append((model, found.get(model, 0), missing, indexed, used))
    print_table(("Model", "Vectors", "Missing", "Index", "In use"), *rows)


@cli.command()
def reembed(
    memory: Annotated[
        str,
        typer.Option(help="Memory of the server for building the index.", metavar="SIZE"),
    ] = "256MB",
) -> None:
    """Create the missing vectors of the model in the settings, then its index.

    To change the model, set the new model in the environment of this command only, while the API
    and the workers use the old one. An interrupted command continues when it is run again.
    """
    embedder = create_embedder(load_settings(DocumentSettings))
    engine = indexes.index_engine()
    with engine.connect() as connection:
        missing, _ = vectors.count_missing(connection, embedder.model)
    with Progress(console=Console(stderr=True)) as bar:
        task = bar.add_task(embedder.model, total=missing)
        try:
            count = asyncio.run(
                vectors.embed_missing(engine, embedder, lambda done: bar.advance(task, done))
            )
        except (EmbeddingError, WrongModelError) as error:
            raise CliError(f"{error} Run the command again to continue.") from error
    if not indexes.ensure_index(engine, embedder.model, embedder.dimensions, memory=memory):
        raise CliError(
            "Another process is building the index. Wait for it, then run this command again."
        )
    typer.echo(f"Created {count} vectors of {embedder.model}. Every chunk has a vector now.")


@cli.command()
def prune(
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    force: Annotated[bool, typer.Option(help="Allow it in production.")] = False,
) -> None:
    """Delete the vectors and indexes of all models except the one in the settings."""
    embedder = create_embedder(load_settings(DocumentSettings))
    engine = indexes.index_engine()
    with engine.connect() as connection:
        others = {m: n for m, n in vectors.count_vectors(connection).items() if m != embedder.model}
        missing, _ = vectors.count_missing(connection, embedder.model)
    if not others:
        typer.echo(f"There are no vectors of models other than {embedder.model}.")
        return
    if missing:
        raise CliError(
            f"{missing} chunks have no vector of {embedder.model} yet. Run `uv run app documents "
            "reembed` first."
        )
    listed = ", ".join(f"{count} of {model}" for model, count in sorted(others.items()))
    confirm_destructive(f"Vectors to delete: {listed}.", yes=yes, force=force)
    for model in others:
        indexes.drop_index(engine, model)
        vectors.delete_vectors(engine, model)
    typer.echo(f"Deleted: {listed}.")
