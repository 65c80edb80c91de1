"""`app doctor`: is everything this backend needs there, and if not, what to do."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer
from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from sqlalchemy import Connection

cli = typer.Typer()

Check = Callable[[], str]


class _WrongError(Exception):
    """The check failed; the text says what to do."""


@cli.command()
def doctor() -> None:
    """Check settings, database, migrations, Redis, Supabase, workers; exit code 1 if one fails."""
    checks: dict[str, Check] = {
        "settings": _settings,
        "features": _features,
        "database": _database,
        "migrations": _migrations,
        "connections": _connections,
        "redis": _redis,
        "supabase": _supabase,
        "workers": _workers,
    }
    table = Table("", "Check", "Finding", box=None)
    failed = False
    for name, check in checks.items():
        try:
            table.add_row("[green]✓[/]", name, check())
        except Exception as error:  # noqa: BLE001 - whatever it is, it is a finding
            failed = True
            text = str(error).strip() or type(error).__name__
            table.add_row("[red]✗[/]", name, text.splitlines()[0] if name != "settings" else text)
    Console().print(table)
    raise typer.Exit(int(failed))


def _settings() -> str:
    from app.core.features import settings_groups
    from app.core.settings import check_all, get_settings

    check_all(settings_groups())
    return f"complete, environment {get_settings().environment}"


def _features() -> str:
    from app.core.features import OFFERS, features, load

    for kind in OFFERS:
        load(kind)
    return ", ".join(feature.name for feature in features())


def _database() -> str:
    from sqlalchemy import text

    with _connected() as connection:
        version = connection.scalar(text("show server_version"))
    return f"PostgreSQL {version}"


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

    from app.core.database import sync_session

    try:
        with sync_session() as session:
            yield session.connection()
    except OperationalError as error:
        reason = str(error.orig).strip().partition("\n")[0]
        raise _WrongError(
            f"{reason}: is DATABASE_URL right, and does `uv run app dev` run?"
        ) from error


def _connections() -> str:
    from app.core.database import plain_url, pool_mode
    from app.core.settings import get_settings

    settings = get_settings()
    mode = pool_mode(plain_url(settings.database_url), settings)
    api = settings.db_pool_size + settings.db_max_overflow
    return f"{mode} mode; at most {api} for each API process, 2 for each worker process"


def _redis() -> str:
    import redis

    from app.core.settings import get_settings

    client = redis.Redis.from_url(
        get_settings().redis_url, socket_connect_timeout=3, socket_timeout=3
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

    from app.core.jwks import EMPTY
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
    from app.core.maintenance import HEARTBEAT_SECONDS, heartbeat_age

    age = heartbeat_age()
    if age is None or age > 3 * HEARTBEAT_SECONDS:
        seen = "never" if age is None else f"{age:.0f} s ago"
        raise _WrongError(
            f"last heartbeat {seen}: start `uv run app worker` and `uv run app beat`; the first "
            f"comes {HEARTBEAT_SECONDS} s after their start"
        )
    return f"last heartbeat {age:.0f} s ago"
