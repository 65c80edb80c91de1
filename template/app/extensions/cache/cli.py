"""`app cache`: how often the cache helps, and how to empty it."""

from typing import Annotated

import typer

from app.core.cli.errors import CliError
from app.core.cli.output import print_table
from app.extensions.cache.store import EVERYTHING, STORE_OF_PROCESS

cli = typer.Typer(name="cache", no_args_is_help=True, help="Cached results.")


@cli.command()
def stats() -> None:
    """Show hits and misses of each cached function since Redis was emptied."""
    rows = [
        (name, str(hits), str(misses), f"{hits / (hits + misses):.0%}")
        for name, (hits, misses) in STORE_OF_PROCESS.counts().items()
    ]
    print_table(("Function", "Hits", "Misses", "Ratio"), *rows)


@cli.command()
def clear(
    tag: Annotated[
        list[str] | None, typer.Option(help="Only entries with this tag; default: all.")
    ] = None,
) -> None:
    """Make entries invalid, in all processes at once."""
    if not STORE_OF_PROCESS.invalidate_blocking(tag or [EVERYTHING]):
        raise CliError("Redis does not answer, so nothing was cleared. Check REDIS_URL.")
