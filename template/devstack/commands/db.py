"""`app db backup`, `dump` and `restore`. They need PostgreSQL's programs, which the image lacks."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from app.core.cli.confirm import confirm_destructive
from app.core.cli.db import Force, Yes, cli
from app.core.cli.errors import CliError
from app.core.migrations.connections import migration_engine
from devstack import backup as backups
from devstack import dump as dumps


@cli.command("backup")
def backup_command(
    file: Annotated[
        Path | None, typer.Argument(help="New file (default: backups/DATABASE-TIME.dump).")
    ] = None,
) -> None:
    """Write a backup of the app's tables, from the database of the settings."""
    file = file or _new_file("dump")
    backups.backup(file)
    print(f"Wrote {file}, {file.stat().st_size:,} bytes.")


@cli.command("dump")
def dump_command(
    file: Annotated[
        Path | None, typer.Argument(help="New file (default: backups/DATABASE-TIME.sql).")
    ] = None,
    anonymised: Annotated[
        bool, typer.Option("--anonymised", help="Replace personal data; always required.")
    ] = False,
) -> None:
    """Write a copy of the app's tables for staging, without personal data."""
    if not anonymised:
        raise CliError(
            "Add --anonymised. `uv run app db backup` writes everything, with personal data."
        )
    file = file or _new_file("sql")
    dumps.dump(file)
    print(f"Wrote {file}, {file.stat().st_size:,} bytes.")


@cli.command("restore")
def restore_command(
    file: Annotated[
        Path, typer.Argument(exists=True, dir_okay=False, help="A file of `backup` or `dump`.")
    ],
    yes: Yes = False,
    force: Force = False,
) -> None:
    """Replace the app's tables by those of a backup, all or nothing."""
    url = migration_engine().url
    confirm_destructive(
        f"This replaces every table of database '{url.database}' on {url.host}.",
        yes=yes,
        force=force,
    )
    backups.restore(file)
    print(f"Restored {file}. Next: `uv run app db upgrade` applies newer migrations.")


def _new_file(ending: str) -> Path:
    database = migration_engine().url.database
    return Path("backups", f"{database}-{datetime.now(UTC):%Y%m%d-%H%M%S}.{ending}")
