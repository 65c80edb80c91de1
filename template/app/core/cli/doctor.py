"""`app doctor`: whether everything that this backend needs works, and what to do if not.

A check returns its finding or raises an error that says what to do. Features have their own checks
in `checks.py`.
"""

from collections.abc import Callable
from functools import partial
from typing import Annotated

import httpx
import typer
from redis import Redis, RedisError
from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.auth.keys import EMPTY
from app.core.cli import logs
from app.core.cli.database import with_session
from app.core.cli.errors import CliError, DoubtfulError, user_message
from app.core.cli.storage import check_bucket
from app.core.database import normalize_url, sync_session
from app.core.database.budget import MIGRATIONS, budget
from app.core.features import EXTENSION_POINTS, FeatureError, features, load, load_all_settings
from app.core.http_client import client_options
from app.core.migrations.state import pending
from app.core.settings import get_settings
from app.core.settings.retired import retired_settings
from app.core.supabase.storage import BucketMissingError
from app.core.tasks.application import configure_celery
from app.core.tasks.tasks import HEARTBEAT_SECONDS, heartbeat_age

cli = typer.Typer()

# Connections that a Postgres grants to roles without special rights.
_SERVER_LIMIT = text("""
    SELECT current_setting('max_connections')::int
        - current_setting('superuser_reserved_connections')::int
        - coalesce(current_setting('reserved_connections', true)::int, 0)
""")


@cli.command()
def doctor(
    api_processes: Annotated[
        int, typer.Option(min=0, envvar="WEB_CONCURRENCY", help="Processes of the API in total.")
    ] = 1,
    worker_processes: Annotated[
        int, typer.Option(min=0, help="Tasks that all workers together run at the same time.")
    ] = 2,
) -> None:
    """Check settings, database, migrations, Redis, Supabase, workers; exit code 1 if one fails."""
    logs.configure()
    checks: dict[str, Callable[[], str]] = {
        "settings": _settings,  # first, because all others need them
        "features": _features,
        "database": _database,
        "migrations": _migrations,
        "connections": partial(_connections, api_processes, worker_processes),
        "redis": _redis,
        "supabase": _supabase,
        "storage": _storage,
        "workers": _workers,
        **_checks_of_features(),
    }
    failed = False
    for name, check in checks.items():
        try:
            mark, finding = typer.style("✓", fg="green"), check()
        except DoubtfulError as error:
            mark, finding = typer.style("!", fg="yellow"), str(error)
        except Exception as error:  # noqa: BLE001 - any error is a finding
            failed = True
            reason = user_message(error) or str(error).partition("\n")[0]
            mark, finding = typer.style("✗", fg="red"), reason or type(error).__name__
        typer.echo(f"{mark} {name:<12} {finding}")
        if failed and check is _settings:
            typer.echo("- The rest was not checked, because it needs the settings.")
            break
    raise typer.Exit(int(failed))


def _checks_of_features() -> dict[str, Callable[[], str]]:
    try:
        return {name: check for _, checks in load("checks") for name, check in checks.items()}
    except FeatureError:
        return {}  # `_features` reports it


def _settings() -> str:
    finding = f"complete, environment {load_all_settings().environment}"
    if retired := retired_settings():
        listed = " ".join(f"{name} {cure}" for name, cure in retired)
        raise DoubtfulError(f"{finding}. Without effect: {listed}")
    return finding


def _features() -> str:
    for kind in EXTENSION_POINTS:
        load(kind)
    configure_celery(get_settings())
    return ", ".join(feature.name for feature in features())


def _database() -> str:
    async def connect(session: AsyncSession) -> None:
        await session.connection()

    # Both drivers connect: that of the API, and that of tasks and commands.
    with_session(connect)
    with sync_session() as session:
        version = session.connection().scalar(text("show server_version"))
    settings = get_settings()
    mode = settings.tls_of(normalize_url(settings.database_url)).mode
    finding = f"PostgreSQL {version}, TLS: {mode or 'if the server offers it'}"
    if settings.online and mode == "require":
        raise DoubtfulError(
            f"{finding}: another server could impersonate it. Set DB_SSL_MODE=verify-full and "
            "DB_SSL_ROOT_CERT."
        )
    return finding


def _migrations() -> str:
    with sync_session() as session:
        missing = pending(session.connection())
    if missing:
        raise CliError(f"not applied: {', '.join(missing)}. Run `uv run app db upgrade`.")
    return "up to date"


def _connections(api_processes: int, worker_processes: int) -> str:
    needed = budget(get_settings(), api_processes=api_processes, worker_processes=worker_processes)
    limit = needed.limit
    if limit is None:
        with sync_session() as session:
            limit = int(session.connection().execute(_SERVER_LIMIT).scalar_one())
    finding = (
        f"{needed.mode} mode: API {needed.api} + workers {needed.worker} + migrations "
        f"{MIGRATIONS} = {needed.total} of {limit}"
    )
    if needed.total > limit:
        raise DoubtfulError(
            f"{finding}. Connections above the limit will fail: lower DB_POOL_SIZE, "
            "DB_MAX_OVERFLOW or the number of processes, or raise the server's limit and "
            "DB_CONNECTION_LIMIT."
        )
    return finding


def _redis() -> str:
    address = get_settings().redis_address
    try:
        with Redis.from_url(address, socket_connect_timeout=3, socket_timeout=3) as client:
            info = client.info("server")
    except RedisError as error:
        raise CliError(
            f"{error}. Check REDIS_URL, and whether `uv run app dev` is running."
        ) from error
    return f"{info.get('server_name', 'redis')} {info['redis_version']}"


def _supabase() -> str:
    settings = get_settings()
    url = settings.jwks_url
    try:
        with httpx.Client(**client_options(), timeout=5) as client:
            keys = client.get(url).raise_for_status().json()["keys"]
    except (httpx.HTTPError, ValueError, KeyError) as error:
        raise CliError(f"{url} returns no keys. Check SUPABASE_URL.") from error
    if settings.supabase_jwt_secret and keys:
        raise CliError(
            f"SUPABASE_JWT_SECRET is set, so tokens of the project's {len(keys)} signing key(s) "
            "are rejected: unset it as soon as the project signs with a key."
        )
    if settings.supabase_jwt_secret:
        return "legacy JWT secret; a signing key is safer"
    if not keys:
        raise CliError(EMPTY)
    return f"{len(keys)} signing key(s)"


def _storage() -> str:
    try:
        return check_bucket()
    except BucketMissingError as error:
        # Not every project stores files. A feature that does has a check of the same name.
        raise DoubtfulError(error.detail) from error


def _workers() -> str:
    age = heartbeat_age()
    start = f"{HEARTBEAT_SECONDS} s after the start of `uv run app worker` and `uv run app beat`."
    if age is None:
        raise CliError(f"no heartbeat yet: the first one comes {start}")
    if age > 3 * HEARTBEAT_SECONDS:
        raise CliError(f"last heartbeat {age:.0f} s ago: the next one comes {start}")
    return f"last heartbeat {age:.0f} s ago"
