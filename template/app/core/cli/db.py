"""`app db`: migrations, and a look at the database."""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from sqlalchemy import Connection, NullPool, text

from app.core.cli.confirm import confirm_destructive
from app.core.cli.errors import CliError
from app.core.database import normalize_url, pool_mode, sync_engine
from app.core.migrations import commands, drop, revise, state
from app.core.migrations.branches import branch_of, branches, folder
from app.core.migrations.exposure import exposed
from app.core.migrations.graph import branch_heads, ordered, require_single_heads
from app.core.migrations.history import applied, entries
from app.core.settings import get_settings

cli = typer.Typer(help="Migrations and the database.", no_args_is_help=True)

Feature = Annotated[
    str | None, typer.Option("--feature", "-f", help="Only this feature; `core` is one too.")
]
RequiredFeature = Annotated[str, typer.Option("--feature", "-f", help="Whose tables.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
Force = Annotated[bool, typer.Option("--force", help="Even if ENVIRONMENT is production.")]


@cli.command()
def migrate(
    feature: RequiredFeature,
    message: Annotated[str, typer.Option("--message", "-m", help="What changes, in a few words.")],
    empty: Annotated[bool, typer.Option(help="Write a file to fill in by hand.")] = False,
) -> None:
    """Write the migration that a feature's models need."""
    if not message.strip():
        raise CliError('Say what changes: -m "add the due date".')
    path = revise.write(feature, message, empty=empty)
    if path is None:
        print(f"Nothing has changed in the tables of '{feature}': no migration written.")
        return
    print(f"Wrote {_short(path)}\nRead it, then run `uv run app db upgrade`.")


@cli.command()
def merge(
    feature: RequiredFeature,
    message: Annotated[str, typer.Option("--message", "-m")] = "join two heads",
) -> None:
    """Join two migrations of a feature that were made side by side."""
    print(f"Wrote {_short(revise.merge(feature, message))}")


@cli.command()
def upgrade(
    revision: Annotated[str | None, typer.Argument(help="Default: the newest.")] = None,
    feature: Feature = None,
) -> None:
    """Apply migrations: all, or a feature's up to REVISION or by +N."""
    target = commands.upgrade_target(feature, revision) if feature else revision or "heads"
    with _steps_shown() as steps:
        commands.upgrade(revision=target)
    if not steps:
        print("Nothing to do: the database is up to date.")


@cli.command(context_settings={"ignore_unknown_options": True})
def downgrade(
    feature: RequiredFeature,
    revision: Annotated[
        str, typer.Argument(help="`-N`, `base` or a revision, which stays.")
    ] = "-1",
    yes: Yes = False,
    force: Force = False,
) -> None:
    """Undo migrations of a feature, the last one by default."""
    with _connected() as connection:
        steps = commands.downgrade_steps(connection, feature, revision)
    if not steps:
        print("Nothing to undo.")
        return
    names = ", ".join(f"{s.revision} ({s.doc.rstrip('.')})" for s in steps)
    confirm_destructive(f"This undoes {names}, and the data in it is lost.", yes=yes, force=force)
    with _steps_shown():
        commands.downgrade(feature, steps)


@cli.command()
def current(feature: Feature = None) -> None:
    """Show the revision that each feature is at."""
    scripts = commands.scripts()
    with _connected() as connection:
        done = applied(connection, scripts)
    newest = {branch_of(s): s.revision for s in ordered(scripts) if s.revision in done}
    for branch in _chosen(feature):
        print(f"{branch} {newest.get(branch, '-')}")


@cli.command()
def history(feature: Feature = None) -> None:
    """List migrations, the newest first, with the time at which each was applied."""
    scripts = commands.scripts()
    with _connected() as connection:
        times = {entry.revision: entry.applied_at for entry in entries(connection)}
    table = _table("revision", "feature", "message", "applied")
    chosen = _chosen(feature)
    for script in reversed(ordered(scripts)):
        if branch_of(script) in chosen:
            at = times.get(script.revision)
            applied = f"{at:%Y-%m-%d %H:%M}" if at else "-"
            table.add_row(script.revision, branch_of(script), script.doc, applied)
    _print(table)


@cli.command()
def show(revision: str) -> None:
    """Show one migration: where it is, and what it builds on."""
    with commands.readable():
        script = commands.scripts().get_revision(revision)
    table = _table("", "")
    table.show_header = False
    for name, value in (
        ("revision", script.revision),
        ("feature", branch_of(script)),
        ("message", script.doc),
        ("after", script.down_revision),
        ("depends on", script.dependencies),
        ("followed by", sorted(script.nextrev)),
        ("file", _short(Path(script.path))),
    ):
        table.add_row(name, _listed(value))
    _print(table)


@cli.command()
def status(feature: Feature = None) -> None:
    """Show for each feature what is applied, what the code holds, and what is to be done."""
    scripts = commands.scripts()
    heads = branch_heads(scripts)
    with _connected() as connection:
        logged = entries(connection)
        todo = state.pending(connection)
    last = {entry.branch: entry.revision for entry in logged}
    table = _table("feature", "applied", "newest", "pending")
    for branch in _chosen(feature):
        pending = [r for r in todo if branch_of(scripts.get_revision(r)) == branch]
        newest = _listed(heads.get(branch, []))
        table.add_row(branch, last.get(branch, "-"), newest, str(len(pending)))
    for branch in sorted(last.keys() - branches().keys()):
        if feature in (None, branch):
            table.add_row(branch, last[branch], "not in the code, data kept", "-")
    _print(table)
    require_single_heads(scripts)


@cli.command()
def check(feature: Feature = None) -> None:
    """Fail if models and database differ, or something is open to the API roles."""
    if feature:
        folder(feature)
    found = [_described(difference) for difference in commands.drift(feature)]
    with _connected() as connection:
        found += exposed(connection)
    if found:
        lines = "\n".join(f"  {line}" for line in found)
        raise CliError(
            f"Models and database differ, or something is open:\n{lines}\nWrite the migration with "
            f'`uv run app db migrate --feature {feature or "NAME"} -m "…"`; '
            "a table is closed in one with `protect(name)`."
        )
    print("Models and database agree.")


@cli.command()
def reset(yes: Yes = False, force: Force = False) -> None:
    """Drop all tables with their data, and migrate from nothing."""
    where = normalize_url(get_settings().database_url)
    confirm_destructive(
        f"This deletes every table of database '{where.database}' on {where.host}, "
        "those of switched-off features too.",
        yes=yes,
        force=force,
    )
    with _steps_shown():
        commands.reset()


@cli.command("drop-feature")
def drop_feature(
    name: Annotated[str, typer.Argument(help="A feature, in the code or no longer.")],
    yes: Yes = False,
    force: Force = False,
) -> None:
    """Delete the tables of a feature and forget its migrations."""
    with _connected() as connection:
        found = drop.remains(connection, name)
    tables = ", ".join(found.tables) or "no table"
    confirm_destructive(f"This deletes {tables}, with all rows.", yes=yes, force=force)
    drop.drop(name)
    print(f"Removed {tables} and {len(found.revisions)} migrations of '{name}'.")
    if name in branches():
        print(f"The code of '{name}' is still there: the next upgrade makes its tables again.")


@cli.command("test")
def test_connection() -> None:
    """Connect as the API does, and say to what, how and how fast."""
    settings = get_settings()
    url = normalize_url(settings.database_url)
    engine = sync_engine(url, settings, poolclass=NullPool)
    start = time.perf_counter()
    with engine.connect() as connection:
        connected = time.perf_counter() - start
        start = time.perf_counter()
        version, user = connection.execute(text("SELECT version(), current_user")).one()
        answered = time.perf_counter() - start
    print(
        f"Connected to '{url.database}' on {url.host}:{url.port or 5432} as {user}\n"
        f"Server     {version.split(' on ')[0]}\n"
        f"Pool mode  {pool_mode(url, settings)}\n"
        f"Connect    {connected:.3f} s\n"
        f"Query      {answered:.3f} s"
    )


@contextmanager
def _connected() -> Iterator[Connection]:
    with commands.migration_engine() as engine, engine.connect() as connection:
        yield connection


@contextmanager
def _steps_shown() -> Iterator[list[str]]:
    """Print Alembic's line before each step runs, so that a slow or failing one has a name."""
    shown: list[str] = []

    class Steps(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if record.msg == "Running %s":
                shown.append(record.getMessage())
                print(shown[-1], flush=True)

    logger = logging.getLogger("alembic.runtime.migration")
    handler, level = Steps(), logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    logger.propagate = False
    try:
        yield shown
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
        logger.propagate = True


def _chosen(feature: str | None) -> list[str]:
    if feature is None:
        return list(branches())
    folder(feature)
    return [feature]


def _described(difference: Any) -> str:
    """One line for one of Alembic's difference tuples, whose shapes vary by kind."""
    if isinstance(difference, list):
        return "; ".join(_described(part) for part in difference)
    kind, *parts = difference
    names = [getattr(part, "name", part) for part in parts]
    return f"{kind.replace('_', ' ')} {' '.join(n for n in names if isinstance(n, str))}"


def _listed(value: Any) -> str:
    if not value:
        return "-"
    return value if isinstance(value, str) else ", ".join(value)


def _short(path: Path) -> str:
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False)
    for column in columns:
        table.add_column(column)
    return table


def _print(table: Table) -> None:
    console = Console()
    if not console.is_terminal:
        console.width = 200  # a pipe has no width to fit into
    console.print(table)
