"""`app doctor`: is everything this backend needs there, and if not, what to do."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from app.core.cli.errors import DoubtfulError

if TYPE_CHECKING:
    from sqlalchemy import Connection
    from sqlmodel.ext.asyncio.session import AsyncSession

cli = typer.Typer()

Check = Callable[[], str]


class _WrongError(Exception):
    """The check failed; the text says what to do."""


@cli.command()
def doctor(
    api_processes: Annotated[
        int, typer.Option(min=0, envvar="WEB_CONCURRENCY", help="Of the API, in all.")
    ] = 1,
    worker_processes: Annotated[
        int, typer.Option(min=0, help="Tasks that all workers run at once.")
    ] = 2,
) -> None:
    """Check settings, database, migrations, Redis, Supabase, workers; exit code 1 if one fails."""
    checks: dict[str, Check] = {
        "settings": _settings,
        "features": _features,
        "database": _database,
        "migrations": _migrations,
        "connections": partial(_connections, api_processes, worker_processes),
        "redis": _redis,
        "supabase": _supabase,
        "workers": _workers,
        **_of_features(),
    }
    table = Table("", "Check", "Finding", box=None)
    failed = False
    for name, check in checks.items():
        try:
            table.add_row("[green]✓[/]", name, check())
        except DoubtfulError as doubt:
            table.add_row("[yellow]![/]", name, str(doubt))
        except Exception as error:  # noqa: BLE001 - whatever it is, it is a finding
            failed = True
            text = str(error).strip() or type(error).__name__
            table.add_row("[red]✗[/]", name, text.splitlines()[0] if name != "settings" else text)
    Console().print(table)
    raise typer.Exit(int(failed))


def _of_features() -> dict[str, Check]:
    from app.core.features import FeatureError, load

    try:
        return {name: check for _, checks in load("checks") for name, check in checks.items()}
    except FeatureError:
        return {}  # a finding of `_features`


def _settings() -> str:
    from app.core.features import load_all_settings

    return f"complete, environment {load_all_settings().environment}"


def _features() -> str:
    from app.core.features import EXTENSION_POINTS, features, load

    for kind in EXTENSION_POINTS:
        load(kind)
    return ", ".join(feature.name for feature in features())


def _database() -> str:
    from sqlalchemy import text

    from app.core.cli.database import with_session
    from app.core.database import normalize_url
    from app.core.settings import get_settings

    async def connect(session: "AsyncSession") -> None:
        await session.connection()

    with_session(connect)  # by the driver of the API, then by that of everything else
    with _connected() as connection:
        version = connection.scalar(text("show server_version"))
    settings = get_settings()
    mode = settings.tls_of(normalize_url(settings.database_url)).mode
    finding = f"PostgreSQL {version}, TLS: {mode or 'if the server has it'}"
    if settings.online and mode == "require":
        raise DoubtfulError(
            f"{finding}: anybody on the way may pose as the server. Take DB_SSL_MODE=verify-full "
            "with DB_SSL_ROOT_CERT."
        )
    return finding


def _migrations() -> str:
    from app.core.migrations.state import pending

    with _connected() as connection:
        missing = pending(connection)
    if missing:
        raise _WrongError(f"behind by {', '.join(missing)}: run `uv run app db upgrade`")
    return "at head"


@contextmanager
def _connected() -> "Iterator[Connection]":
    from sqlalchemy.exc import OperationalError

    from app.core.cli.errors import unreachable
    from app.core.database import sync_session

    try:
        with sync_session() as session:
            yield session.connection()
    except OperationalError as error:
        raise _WrongError(unreachable(error)) from error


def _connections(api_processes: int, worker_processes: int) -> str:
    from app.core.database.budget import MIGRATIONS, budget
    from app.core.settings import get_settings

    needed = budget(get_settings(), api_processes=api_processes, worker_processes=worker_processes)
    limit = needed.limit or _server_limit()
    finding = (
        f"{needed.mode} mode: {needed.api} of the API + {needed.worker} of workers + "
        f"{MIGRATIONS} of migrations = {needed.total} of {limit}"
    )
    if needed.total > limit:
        raise DoubtfulError(
            f"{finding}: the last ones wait and fail. Lower DB_POOL_SIZE, DB_MAX_OVERFLOW or the "
            "number of processes, or raise the server's limit and DB_CONNECTION_LIMIT."
        )
    return finding


def _server_limit() -> int:
    """Connections that a Postgres gives to roles without privileges."""
    from sqlalchemy import text

    with _connected() as connection:
        settings = connection.execute(
            text(
                "SELECT current_setting('max_connections')::int"
                " - current_setting('superuser_reserved_connections')::int"
                " - coalesce(current_setting('reserved_connections', true)::int, 0)"
            )
        )
        return int(settings.scalar_one())


def _redis() -> str:
    import redis

    from app.core.settings import get_settings

    client = redis.Redis.from_url(
        get_settings().redis_address, socket_connect_timeout=3, socket_timeout=3
    )
    try:
        info = client.info("server")
    except redis.RedisError as error:
        raise _WrongError(f"{error}: is REDIS_URL right, and does `uv run app dev` run?") from error
    finally:
        client.close()
    return f"{info.get('server_name', 'redis')} {info['redis_version']}"


def _supabase() -> str:
    import httpx

    from app.core.auth.keys import EMPTY
    from app.core.settings import get_settings

    settings = get_settings()
    url = settings.jwks_url
    try:
        keys = httpx.get(url, timeout=5).raise_for_status().json()["keys"]
    except (httpx.HTTPError, ValueError, KeyError) as error:
        raise _WrongError(f"{url} does not answer with keys: is SUPABASE_URL right?") from error
    if settings.supabase_jwt_secret and keys:
        raise _WrongError(
            f"SUPABASE_JWT_SECRET is set, and tokens of the {len(keys)} signing key(s) are "
            "refused: unset it as soon as the project signs with a key"
        )
    if settings.supabase_jwt_secret:
        return "legacy JWT secret; better make a signing key"
    if not keys:
        raise _WrongError(EMPTY)
    return f"{len(keys)} signing key(s)"


def _workers() -> str:
    import app.worker  # noqa: F401 - configures Celery
    from app.core.tasks.tasks import HEARTBEAT_SECONDS, heartbeat_age

    age = heartbeat_age()
    if age is None or age > 3 * HEARTBEAT_SECONDS:
        seen = "never" if age is None else f"{age:.0f} s ago"
        raise _WrongError(
            f"last heartbeat {seen}: start `uv run app worker` and `uv run app beat`; the first "
            f"comes {HEARTBEAT_SECONDS} s after their start"
        )
    return f"last heartbeat {age:.0f} s ago"
