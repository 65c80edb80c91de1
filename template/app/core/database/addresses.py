"""What an address of Postgres means for connections: its pool mode, and the one for migrations."""

from typing import Literal

from sqlalchemy import URL

from app.core.settings import CoreSettings, SettingsError
from app.core.settings.postgres import normalize_url

PoolMode = Literal["direct", "session", "transaction"]

TRANSACTION_POOLER_PORT = 6543
SUPABASE_POOLER = ".pooler.supabase.com"


def pool_mode(url: URL, settings: CoreSettings) -> PoolMode:
    """Return how the server at `url` pools: DB_POOL_MODE, or what Supabase's addresses mean."""
    if settings.db_pool_mode != "auto":
        return settings.db_pool_mode
    if url.port == TRANSACTION_POOLER_PORT:
        return "transaction"
    return "session" if (url.host or "").endswith(SUPABASE_POOLER) else "direct"


def migration_url(settings: CoreSettings) -> URL:
    """Return the address for migrations, which need a server connection of their own.

    Raises:
        SettingsError: it is the address of a transaction pooler.
    """
    url = normalize_url(settings.migration_database_url or settings.database_url)
    pooled = settings.migration_database_url is None and pool_mode(url, settings) == "transaction"
    if pooled or url.port == TRANSACTION_POOLER_PORT:
        raise SettingsError(
            f"Migrations cannot run through port {url.port}, a transaction pooler: set "
            "MIGRATION_DATABASE_URL to the direct or session-mode address (port 5432)."
        )
    return url
