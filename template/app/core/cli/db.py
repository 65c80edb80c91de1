"""`app db`: migrations and the database. The dev stack adds `app db migrate` and `app db merge`."""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from operator import itemgetter
from typing import Annotated, Any

import typer
from sqlalchemy import Connection, NullPool, func, literal, select, table, text
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.cli.confirm import confirm_destructive, refuse_production
from app.core.cli.database import with_session
from app.core.cli.errors import CliError
from app.core.cli.output import print_table
from app.core.database import normalize_url, pool_mode, sync_engine
from app.core.database.models import SCHEMA
from app.core.database.seeding import SeedSettings, run_seeds
from app.core.migrations import commands, drop
from app.core.migrations.access import qualified
from app.core.migrations.branches import branches, folder
from app.core.migrations.connections import migration_engine
from app.core.migrations.exposure import exposed
from app.core.migrations.graph import branch_by_revision, branch_heads, require_single_heads
from app.core.migrations.history import entries, table_branches
from app.core.settings import get_settings, load_settings

cli = typer.Typer(help="Migrations and the database.", no_args_is_help=True)
# Called after a reset. The dev stack adds a function that restores its users.
after_reset: list[Callable[[], None]] = []
MAX_COUNTED = 10_000  # rows that `status` counts in a table; a larger number is Postgres's estimate


def _known(feature: str | None) -> str | None:
    if feature:
        folder(feature)
    return feature


def _complete(incomplete: str) -> list[str]:
    return [branch for branch in branches() if branch.startswith(incomplete)]


_OPTION = typer.Option(
    "--feature", "-f", callback=_known, autocompletion=_complete, help="A feature, or `core`."
)
Feature = Annotated[str | None, _OPTION]
RequiredFeature = Annotated[str, _OPTION]
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
        times = {entry.revision: entry.applied_at for entry in entries(connection)}
    rows = [
        (revision, branch, scripts.get_revision(revision).doc, times.get(revision, "-"))
        for revision, branch in reversed(branch_by_revision(scripts).items())
        if feature in (None, branch)
    ]
    print_table(("Revision", "Feature", "Message", "Applied"), *rows)


@cli.command()
def show(
    name: Annotated[
        str,
        typer.Argument(autocompletion=_complete, help="A revision, or a feature for all of its."),
    ],
) -> None:
    """Show migrations, newest first: file, message, and the revisions that they build on."""
    scripts = commands.scripts()
    revisions = [r for r, branch in branch_by_revision(scripts).items() if branch == name]
    if not revisions and name in branches():
        print(f"'{name}' has no migration.")
        return
    with commands.translate_errors():
        for revision in revisions[::-1] or [name]:
            print(scripts.get_revision(revision).log_entry)


@cli.command()
def status(feature: Feature = None) -> None:
    """Show each feature's applied, newest and pending revisions, and its tables with their rows."""
    scripts = commands.scripts()
    heads = branch_heads(scripts)
    with migration_engine().connect() as connection:
        applied = {entry.revision: entry.branch for entry in entries(connection)}
        tables = [
            (owner, name, _rows_in(connection, name))
            for name, owner in sorted(table_branches(connection).items(), key=itemgetter(1, 0))
            if feature in (None, owner)
        ]
    last = {branch: revision for revision, branch in applied.items()}
    pending = [b for revision, b in branch_by_revision(scripts).items() if revision not in applied]
    rows = []
    for branch in [feature] if feature else branches():
        newest = ", ".join(heads.get(branch, ["-"]))
        rows.append((branch, last.get(branch, "-"), newest, str(pending.count(branch))))
    if not feature:
        removed = sorted(last.keys() - branches().keys())
        rows += [(branch, last[branch], "not in the code, data kept", "-") for branch in removed]
    print_table(("Feature", "Applied", "Newest", "Pending"), *rows)
    print()
    print_table(("Feature", "Table", "Rows"), *tables)
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


@cli.command()
def seed(
    email: Annotated[
        str | None,
        typer.Option(help="User whom the rows belong to (default: DEMO_USER_EMAIL)."),
    ] = None,
    force: Force = False,
) -> None:
    """Add the sample rows of the features; rows that are there stay as they are."""
    refuse_production("This adds sample rows.", force=force)
    owner = email or load_settings(SeedSettings).demo_user_email
    if owner is None:
        raise CliError("Say whom the sample rows belong to: --email, or DEMO_USER_EMAIL in .env.")

    async def work(session: AsyncSession) -> None:
        async for feature, added in run_seeds(session, owner):
            print(f"{feature.name}: added {added} rows")

    with_session(work)


@cli.command("drop-feature")
def drop_feature(
    name: Annotated[
        str,
        typer.Argument(
            autocompletion=_complete, help="A feature; its code may be removed already."
        ),
    ],
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


def _rows_in(connection: Connection, name: str) -> str:
    """Count the rows of a table, or estimate them, so that a large one takes no longer."""
    some = select(literal(1)).select_from(table(name, schema=SCHEMA)).limit(MAX_COUNTED + 1)
    count = connection.scalar(select(func.count()).select_from(some.subquery()))
    if count is not None and count <= MAX_COUNTED:
        return str(count)
    # -1 until the table was analyzed for the first time.
    statement = text("SELECT reltuples::bigint FROM pg_class WHERE oid = to_regclass(:name)")
    estimate = connection.scalar(statement, {"name": qualified(connection, name)})
    return f"about {estimate}" if estimate > MAX_COUNTED else f"more than {MAX_COUNTED}"


def _described(difference: Any) -> str:
    """One line for one of Alembic's tuples, which have a different shape for each kind."""
    if isinstance(difference, list):
        return "; ".join(_described(part) for part in difference)
    kind, *parts = difference
    names = [getattr(part, "name", part) for part in parts]
    return f"{kind.replace('_', ' ')} {' '.join(n for n in names if isinstance(n, str))}"
