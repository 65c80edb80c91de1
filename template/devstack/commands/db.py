"""`app db backup` and `app db restore`. They need PostgreSQL's programs, which the image lacks."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from app.core.cli.confirm import confirm_destructive
from app.core.cli.db import Force, Yes, cli
from app.core.migrations.connections import migration_engine
from devstack import backup as backups


@cli.command("backup")
def backup_command(
    file: Annotated[
        Path | None, typer.Argument(help="New file (default: backups/DATABASE-TIME.dump).")
    ] = None,
) -> None:
    """Write a backup of the app's tables, from the database of the settings."""
    database = migration_engine().url.database
    file = file or Path("backups", f"{database}-{datetime.now(UTC):%Y%m%d-%H%M%S}.dump")
    backups.backup(file)
    print(f"Wrote {file}, {file.stat().st_size:,} bytes.")


@cli.command("restore")
def restore_command(
    file: Annotated[
        Path, typer.Argument(exists=True, dir_okay=False, help="A file of `app db backup`.")
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
