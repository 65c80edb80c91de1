"""`app db`: migrations and the database. The dev stack adds `app db migrate` and `app db merge`."""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import typer
from sqlalchemy import NullPool, text

from app.core.cli.confirm import confirm_destructive
from app.core.cli.errors import CliError
from app.core.cli.output import print_table
from app.core.database import normalize_url, pool_mode, sync_engine
from app.core.migrations import commands, drop
from app.core.migrations.branches import branches, folder
from app.core.migrations.connections import migration_engine
from app.core.migrations.exposure import exposed
from app.core.migrations.graph import branch_by_revision, branch_heads, require_single_heads
from app.core.migrations.history import entries
from app.core.settings import get_settings

cli = typer.Typer(help="Migrations and the database.", no_args_is_help=True)
# Called after a reset. The dev stack adds a function that restores its users.
after_reset: list[Callable[[], None]] = []


def _known(feature: str | None) -> str | None:
    if feature:
        folder(feature)
    return feature


Feature = Annotated[
    str | None,
    typer.Option("--feature", "-f", callback=_known, help="Only this feature, or `core`."),
]
RequiredFeature = Annotated[
    str, typer.Option("--feature", "-f", callback=_known, help="A feature, or `core`.")
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
Force = Annotated[bool, typer.Option("--force", help="Permit it if ENVIRONMENT is production.")]


@cli.command()
def upgrade(
    revision: Annotated[str | None, typer.Argument(help="Default: the newest.")] = None,
    feature: Feature = None,
) -> None:
    """Apply migrations: all, or those of a feature up to REVISION or the next +N."""
    target = commands.branch_target(feature, revision or "head") if feature else revision
    with _print_steps() as steps:
        commands.upgrade(target=target or "heads")
    if not steps:
        print("Nothing to do: the database is up to date.")


@cli.command(context_settings={"ignore_unknown_options": True})
def downgrade(
    feature: RequiredFeature,
    revision: Annotated[
        str, typer.Argument(help="`-N`, `base`, or a revision, which stays applied.")
    ] = "-1",
    yes: Yes = False,
    force: Force = False,
) -> None:
    """Revert migrations of a feature, by default the last one."""
    target = commands.branch_target(feature, revision)
    with migration_engine().connect() as connection:
        steps = commands.downgrade_steps(connection, feature, target)
    if not steps:
        print("Nothing to revert.")
        return
    names = ", ".join(f"{step.revision} ({step.doc.rstrip('.')})" for step in steps)
    confirm_destructive(f"This reverts {names} and deletes their data.", yes=yes, force=force)
    with _print_steps():
        commands.downgrade(target)


@cli.command()
def current(feature: Feature = None) -> None:
    """Print the last applied revision of each feature."""
    with migration_engine().connect() as connection:
        last = {entry.branch: entry.revision for entry in entries(connection)}
    for branch in [feature] if feature else branches():
        print(branch, last.get(branch, "-"))


@cli.command()
def history(feature: Feature = None) -> None:
    """List migrations, newest first, with the time at which each was applied."""
    scripts = commands.scripts()
    with migration_engine().connect() as connection:
        times = {
            entry.revision: f"{entry.applied_at:%Y-%m-%d %H:%M}" for entry in entries(connection)
        }
    rows = [
        (revision, branch, scripts.get_revision(revision).doc, times.get(revision, "-"))
        for revision, branch in reversed(branch_by_revision(scripts).items())
        if feature in (None, branch)
    ]
    print_table(("revision", "feature", "message", "applied"), *rows)


@cli.command()
def show(revision: str) -> None:
    """Show one migration: its file, its message, and the revisions that it builds on."""
    with commands.translate_errors():
        print(commands.scripts().get_revision(revision).log_entry)


@cli.command()
def status(feature: Feature = None) -> None:
    """Show for each feature the applied and the newest revision and the number of pending ones."""
    scripts = commands.scripts()
    heads = branch_heads(scripts)
    with migration_engine().connect() as connection:
        applied = {entry.revision: entry.branch for entry in entries(connection)}
    last = {branch: revision for revision, branch in applied.items()}
    pending = [b for revision, b in branch_by_revision(scripts).items() if revision not in applied]
    rows = []
    for branch in [feature] if feature else branches():
        newest = ", ".join(heads.get(branch, ["-"]))
        rows.append((branch, last.get(branch, "-"), newest, str(pending.count(branch))))
    if not feature:
        removed = sorted(last.keys() - branches().keys())
        rows += [(branch, last[branch], "not in the code, data kept", "-") for branch in removed]
    print_table(("feature", "applied", "newest", "pending"), *rows)
    require_single_heads(scripts)


@cli.command()
def check(feature: Feature = None) -> None:
    """Fail if models and database differ, or if something is open to the API roles."""
    found = [_described(difference) for difference in commands.drift(feature)]
    with migration_engine().connect() as connection:
        found += exposed(connection)
    if found:
        lines = "\n".join(f"  {line}" for line in found)
        raise CliError(
            f"Models and database differ, or something is open:\n{lines}\nWrite the migration with "
            f'`uv run app db migrate --feature {feature or "NAME"} -m "…"`; '
            "the line `protect(name)` in a migration closes a table."
        )
    print("Models and database agree.")


@cli.command()
def reset(yes: Yes = False, force: Force = False) -> None:
    """Drop all tables with their data and apply all migrations again."""
    url = normalize_url(get_settings().database_url)
    confirm_destructive(
        f"This deletes every table of database '{url.database}' on {url.host}, "
        "including those of removed features.",
        yes=yes,
        force=force,
    )
    with _print_steps():
        commands.reset()
    for restore in after_reset:
        restore()


@cli.command("drop-feature")
def drop_feature(
    name: Annotated[str, typer.Argument(help="A feature; its code may be removed already.")],
    yes: Yes = False,
    force: Force = False,
) -> None:
    """Delete the tables of a feature and its migration history."""
    with migration_engine().connect() as connection:
        found = drop.remains(connection, name)
    tables = ", ".join(found.tables) or "no table"
    confirm_destructive(f"This deletes {tables}, with all rows.", yes=yes, force=force)
    drop.drop(name)
    print(f"Removed {tables} and {len(found.revisions)} migrations of '{name}'.")
    if name in branches():
        print(f"The code of '{name}' still exists: the next upgrade creates its tables again.")


@cli.command("test")
def test_connection() -> None:
    """Connect as the API does; print the server, the pool mode and the times."""
    settings = get_settings()
    url = normalize_url(settings.database_url)
    start = time.perf_counter()
    with sync_engine(url, settings, poolclass=NullPool).connect() as connection:
        connected = time.perf_counter()
        version, user = connection.execute(text("SELECT version(), current_user")).one()
        answered = time.perf_counter()
    print(
        f"Connected to '{url.database}' on {url.host}:{url.port or 5432} as {user}\n"
        f"Server     {version.split(' on ')[0]}\n"
        f"Pool mode  {pool_mode(url, settings)}\n"
        f"Connect    {connected - start:.3f} s\n"
        f"Query      {answered - connected:.3f} s"
    )


@contextmanager
def _print_steps() -> Iterator[list[str]]:
    """Print Alembic's line before each step runs: it names a step that is slow or fails."""
    steps: list[str] = []

    def print_step(record: logging.LogRecord) -> bool:
        if record.msg == "Running %s":
            steps.append(record.getMessage())
            print(steps[-1], flush=True)
        return False

    logger = logging.getLogger("alembic.runtime.migration")
    logger.addFilter(print_step)
    logger.setLevel(logging.INFO)
    try:
        yield steps
    finally:
        logger.removeFilter(print_step)
        logger.setLevel(logging.NOTSET)


def _described(difference: Any) -> str:
    """One line for one of Alembic's tuples, which have a different shape for each kind."""
    if isinstance(difference, list):
        return "; ".join(_described(part) for part in difference)
    kind, *parts = difference
    names = [getattr(part, "name", part) for part in parts]
    return f"{kind.replace('_', ' ')} {' '.join(n for n in names if isinstance(n, str))}"
