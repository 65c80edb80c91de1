"""Addresses of Postgres: what dashboards show, made into what both drivers take."""

from ipaddress import ip_address
from typing import Literal

from sqlalchemy import URL, make_url

from app.core.settings import CoreSettings, SettingsError

PoolMode = Literal["direct", "session", "transaction"]

TRANSACTION_POOLER_PORT = 6543
SUPABASE_POOLER = ".pooler.supabase.com"

# Meant for other clients: Prisma, old drivers, libpq alone. What of it matters, settings say here.
_HINTS = {
    "channel_binding",
    "connect_timeout",
    "connection_limit",
    "gssencmode",
    "pgbouncer",
    "pool_timeout",
    "prepare_threshold",
    "prepared_statement_cache_size",
    "prepared_statement_name_func",
    "schema",
    "sslnegotiation",
    "statement_cache_size",
    "supa",
    "workaround",
}
# TLS is translated for each driver, see `tls`; the others both drivers know by these names.
_UNDERSTOOD = {"sslmode", "ssl", "sslrootcert", "host", "port", "target_session_attrs"}


def plain_url(address: str) -> URL:
    """Parse an address; leave out its driver and what is meant for other clients.

    Raises:
        SettingsError: it cannot be parsed, or asks for something that would be lost.
    """
    try:
        url = make_url(address)
    except Exception as error:
        raise SettingsError(
            "This is no address of a Postgres: write postgresql://user:password@host:5432/name, "
            "special characters percent-encoded."
        ) from error
    if unknown := sorted(url.query.keys() - _HINTS - _UNDERSTOOD):
        raise SettingsError(
            f"Take {', '.join(unknown)} out of the address: poolers refuse what a connection asks "
            "for at its start. `ALTER ROLE … SET` makes it the default of a role."
        )
    return url.set(drivername="postgresql").difference_update_query(list(_HINTS))


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
    url = plain_url(settings.migration_database_url or settings.database_url)
    pooled = settings.migration_database_url is None and pool_mode(url, settings) == "transaction"
    if pooled or url.port == TRANSACTION_POOLER_PORT:
        raise SettingsError(
            f"Migrations cannot run through port {url.port}, a transaction pooler: set "
            "MIGRATION_DATABASE_URL to the direct or session-mode address (port 5432)."
        )
    return url


def is_remote(url: URL) -> bool:
    """Whether a public network lies on the way to one of the address's hosts."""
    named = url.query.get("host", ())  # several, or the folder of a socket
    hosts = (url.host, *((named,) if isinstance(named, str) else named))
    return not all(map(is_inside, hosts))


def is_inside(host: str | None) -> bool:
    """Whether no public network lies on the way: this machine, a container, a private network."""
    if not host or host.startswith("/") or not {".", ":"} & set(host):
        return True  # a socket, or a name that only its own network resolves
    name, _, port = host.rpartition(":")
    if port.isdigit() and ":" not in name:
        return is_inside(name)
    try:
        return ip_address(host).is_private
    except ValueError:
        return host.endswith((".internal", ".local"))
