"""Addresses of Postgres in the forms that dashboards show.

Nothing here reads the settings, because the settings are validated with it.
"""

from ipaddress import ip_address

from sqlalchemy import URL, make_url

from app.core.errors import SettingsError

# Parameters for other clients: Prisma, old drivers, libpq. The settings decide these things here.
_IGNORED = {
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
# `tls` translates the first three for each driver; both drivers know the others by these names.
_UNDERSTOOD = {"sslmode", "ssl", "sslrootcert", "host", "port", "target_session_attrs"}


def normalize_url(address: str) -> URL:
    """Parse an address and remove its driver and the parameters for other clients.

    Raises:
        SettingsError: it cannot be parsed, or has a parameter that would be lost.
    """
    try:
        url = make_url(address)
    except Exception as error:
        raise SettingsError(
            "This is not an address of Postgres: write postgresql://user:password@host:5432/name "
            "and percent-encode special characters."
        ) from error
    if unknown := sorted(url.query.keys() - _IGNORED - _UNDERSTOOD):
        raise SettingsError(
            f"Remove {', '.join(unknown)} from the address: poolers refuse parameters of a new "
            "connection. `ALTER ROLE … SET` makes them defaults of a role."
        )
    return url.set(drivername="postgresql").difference_update_query(list(_IGNORED))


def is_remote(url: URL) -> bool:
    """Whether a public network lies between this process and one of the address's hosts."""
    named = url.query.get("host", ())  # several, or the folder of a socket
    hosts = (url.host, *((named,) if isinstance(named, str) else named))
    return not all(map(is_private_host, hosts))


def is_private_host(host: str | None) -> bool:
    """Whether the host is this machine, a container or a host of a private network."""
    if not host or host.startswith("/") or not {".", ":"} & set(host):
        return True  # a socket, or a name that only its own network resolves
    name, _, port = host.rpartition(":")
    if port.isdigit() and ":" not in name:
        return is_private_host(name)
    try:
        return ip_address(host).is_private
    except ValueError:
        return host.endswith((".internal", ".local"))
