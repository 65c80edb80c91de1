"""Addresses of Postgres, in the forms that dashboards show.

Values in, values out: the settings are checked by this, so it knows none of them.
"""

from ipaddress import ip_address

from sqlalchemy import URL, make_url

from app.core.settings.errors import SettingsError

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


def normalize_url(address: str) -> URL:
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


def check_address(address: str) -> str:
    """Return the address as it is, if `normalize_url` takes it.

    Raises:
        SettingsError: see `normalize_url`.
    """
    normalize_url(address)
    return address


def is_remote(url: URL) -> bool:
    """Whether a public network lies on the way to one of the address's hosts."""
    named = url.query.get("host", ())  # several, or the folder of a socket
    hosts = (url.host, *((named,) if isinstance(named, str) else named))
    return not all(map(is_private_host, hosts))


def is_private_host(host: str | None) -> bool:
    """Whether no public network lies on the way: this machine, a container, a private network."""
    if not host or host.startswith("/") or not {".", ":"} & set(host):
        return True  # a socket, or a name that only its own network resolves
    name, _, port = host.rpartition(":")
    if port.isdigit() and ":" not in name:
        return is_private_host(name)
    try:
        return ip_address(host).is_private
    except ValueError:
        return host.endswith((".internal", ".local"))
