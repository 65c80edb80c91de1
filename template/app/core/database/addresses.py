"""What an address of Postgres means for connections: how its server pools, where migrations go."""

from typing import Literal

from sqlalchemy import URL

from app.core.settings import CoreSettings, SettingsError
from app.core.settings.postgres import normalize_url

PoolMode = Literal["direct", "session", "transaction"]

TRANSACTION_POOLER_PORT = 6543
SUPABASE_POOLER = ".pooler.supabase.com"


def pool_mode(url: URL, settings: CoreSettings) -> PoolMode:
    """How the server behind `url` pools: by DB_POOL_MODE, else as Supabase's addresses are."""
    if settings.db_pool_mode != "auto":
        return settings.db_pool_mode
    if url.port == TRANSACTION_POOLER_PORT:
        return "transaction"
    return "session" if (url.host or "").endswith(SUPABASE_POOLER) else "direct"


def migration_url(settings: CoreSettings) -> URL:
    """Address for migrations, which need one server session for the length of a transaction.

    Raises:
        SettingsError: it is a transaction pooler's.
    """
    url = normalize_url(settings.migration_database_url or settings.database_url)
    pooled = settings.migration_database_url is None and pool_mode(url, settings) == "transaction"
    if pooled or url.port == TRANSACTION_POOLER_PORT:
        raise SettingsError(
            f"Migrations cannot run through port {url.port}, a transaction pooler: set "
            "MIGRATION_DATABASE_URL to the direct or session-mode address (port 5432)."
        )
    return url
