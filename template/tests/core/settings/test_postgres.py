"""Addresses as dashboards show them, with both drivers."""

from typing import Any

import pytest
from sqlalchemy import NullPool, text

from app.core.database import async_engine, migration_url, normalize_url, pool_mode, sync_engine
from app.core.settings import CoreSettings, SettingsError, check_settings, get_settings
from app.core.settings.postgres import is_private_host, is_remote
from app.settings import Settings

POOLER = "aws-1-eu-central-1.pooler.supabase.com"


def with_settings(**values: object) -> CoreSettings:
    return get_settings().model_copy(update=values)


@pytest.mark.parametrize(
    "query",
    [
        "sslmode=prefer",
        "ssl=prefer",
        "sslmode=disable&sslrootcert=/nowhere",
        "pgbouncer=true",
        "pgbouncer=true&connection_limit=1&pool_timeout=0",
        "supa=base-pooler.x",
        "workaround=supabase-pooler.vercel",
        "prepare_threshold=0",
        "statement_cache_size=0",
        "prepared_statement_cache_size=0&prepared_statement_name_func=x",
        "schema=public&connect_timeout=10&channel_binding=prefer&gssencmode=disable",
        "target_session_attrs=read-write",
    ],
)
@pytest.mark.parametrize("driver", ["postgres", "postgresql+psycopg2"])
async def test_both_drivers_accept_a_pasted_address(query: str, driver: str) -> None:
    address = get_settings().database_url.replace("postgresql", driver, 1) + f"?{query}"
    settings = with_settings(database_url=address)

    engine = async_engine(settings)
    async with engine.connect() as connection:
        assert await connection.scalar(text("SELECT 1")) == 1
    await engine.dispose()
    with sync_engine(address, settings, poolclass=NullPool).connect() as plain:
        assert plain.scalar(text("SELECT 1")) == 1


@pytest.mark.parametrize(
    ("address", "parameters"),
    [
        ("postgresql://a:p@ss@h:port/x", ""),
        ("postgresql://h/x?options=-csearch_path%3Dapp", "options"),
        ("postgresql://h/x?application_name=a&fallback=b", "application_name, fallback"),
    ],
)
def test_parameters_that_would_be_lost_are_problems_of_the_settings(
    monkeypatch: pytest.MonkeyPatch, address: str, parameters: str
) -> None:
    monkeypatch.setenv("DATABASE_URL", address)
    monkeypatch.setenv("MIGRATION_DATABASE_URL", address)
    problems = dict(check_settings(Settings))
    assert problems.keys() == {"DATABASE_URL", "MIGRATION_DATABASE_URL"}
    for problem in problems.values():
        assert parameters in problem
        assert "p@ss" not in problem


@pytest.mark.parametrize(
    ("host", "port", "setting", "mode"),
    [
        ("db.abc.supabase.co", 5432, "auto", "direct"),
        (POOLER, 5432, "auto", "session"),
        (POOLER, 6543, "auto", "transaction"),
        ("db.abc.supabase.co", 6543, "auto", "transaction"),
        ("pgbouncer.internal", 6432, "transaction", "transaction"),
        (POOLER, 6543, "direct", "direct"),
    ],
)
def test_the_mode_follows_from_the_address_or_the_setting(
    host: str, port: int, setting: str, mode: str
) -> None:
    url = normalize_url(f"postgresql://u@{host}:{port}/x")
    assert pool_mode(url, with_settings(db_pool_mode=setting)) == mode


@pytest.mark.parametrize(
    ("settings", "port"),
    [
        ({"database_url": f"postgresql://u@{POOLER}:6543/x"}, 6543),
        ({"migration_database_url": f"postgresql://u@{POOLER}:6543/x"}, 6543),
        ({"database_url": "postgresql://u@bouncer:6432/x", "db_pool_mode": "transaction"}, 6432),
    ],
)
def test_migrations_through_a_transaction_pooler_are_refused(
    settings: dict[str, Any], port: int
) -> None:
    with pytest.raises(SettingsError, match=rf"{port}.*MIGRATION_DATABASE_URL"):
        migration_url(with_settings(**settings))


def test_migrations_have_their_own_address() -> None:
    direct = "postgresql://u@db.abc.supabase.co:5432/x"
    pooled = f"postgresql://u@{POOLER}:6543/x"
    both = with_settings(database_url=pooled, migration_database_url=direct)
    assert migration_url(both).host == "db.abc.supabase.co"


@pytest.mark.parametrize(
    ("host", "private"),
    [
        (None, True),
        ("localhost", True),
        ("postgres", True),
        ("127.0.0.1", True),
        ("::1", True),
        ("10.1.2.3", True),
        ("db.default.svc.cluster.local", True),
        ("app-db.internal", True),
        ("postgres:5433", True),
        ("/cloudsql/project:region:name", True),
        ("8.8.8.8", False),
        ("db.abc.supabase.co:5432", False),
        ("db.abc.supabase.co", False),
        ("2a05:d014::1", False),
    ],
)
def test_a_host_is_private_or_behind_a_public_network(host: str | None, private: bool) -> None:
    assert is_private_host(host) is private


def test_every_host_of_an_address_counts() -> None:
    assert not is_remote(normalize_url("postgresql:///x?host=/var/run/postgresql"))
    assert not is_remote(normalize_url("postgresql:///x?host=first:5432&host=second:5432"))
    assert is_remote(normalize_url("postgresql:///x?host=first:5432&host=db.example.com:5432"))
