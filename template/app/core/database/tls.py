"""TLS to Postgres, one meaning for both drivers.

Left to themselves they differ: asyncpg knows no `sslrootcert` in an address and trusts the system's
CAs, libpq knows no PEM text and trusts nobody.
"""

import atexit
import os
import ssl
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import certifi
from sqlalchemy import URL

from app.core.database.address import is_remote, plain_url
from app.core.settings import CoreSettings, SettingsError

# As libpq names them; the first three carry on in clear text where the server has no TLS.
OPEN_MODES = ("disable", "allow", "prefer")
VERIFYING_MODES = ("verify-ca", "verify-full")
MODES = (*OPEN_MODES, "require", *VERIFYING_MODES)

# Supabase signs its servers with a CA of its own, which no system knows.
# Source: the dashboard's Database Settings, SSL Configuration.
_OWN_CA = (".supabase.co", ".supabase.com")


class Tls(NamedTuple):
    """How a server is spoken to: the mode (None: as the driver likes) and a CA, path or PEM."""

    mode: str | None
    root_cert: str | None


def tls_of(url: URL, settings: CoreSettings) -> Tls:
    """What the settings say, else the address, else `verify-full` for servers out there.

    Raises:
        SettingsError: the address names a mode that there is not.
    """
    query = {key: str(value) for key, value in url.query.items()}
    mode = settings.db_ssl_mode or query.get("sslmode") or query.get("ssl")
    if mode is None and settings.online and is_remote(url):
        mode = "verify-full"
    if mode not in (None, *MODES):
        raise SettingsError(f"sslmode={mode} is unknown: take one of {', '.join(MODES)}.")
    return Tls(mode, settings.db_ssl_root_cert or query.get("sslrootcert"))


def without_tls(url: URL) -> URL:
    """The address without what `tls_of` reads from it."""
    return url.difference_update_query(["sslmode", "ssl", "sslrootcert"])


def asyncpg_arguments(tls: Tls) -> dict[str, Any]:
    """The arguments of `asyncpg.connect`.

    Raises:
        SettingsError: the CA cannot be read.
    """
    if tls.mode is None:
        return {}
    return {"ssl": tls.mode if tls.mode in OPEN_MODES else _context(tls)}


def libpq_arguments(tls: Tls) -> dict[str, Any]:
    """The arguments of `psycopg.connect`.

    Raises:
        SettingsError: the CA cannot be read.
    """
    if tls.mode is None:
        return {}
    if tls.mode not in VERIFYING_MODES:
        return {"sslmode": tls.mode}
    _context(tls)  # libpq would complain at the first connection, and less clearly
    text = _text(tls.root_cert)
    return {"sslmode": tls.mode, "sslrootcert": _written(text) if text else _path(tls.root_cert)}


def check_ca(root_cert: str) -> None:
    """See that a CA, a path or a PEM text, can be read.

    Raises:
        SettingsError: it cannot.
    """
    _context(Tls("verify-full", root_cert))


def production_problems(settings: CoreSettings) -> Iterator[tuple[str, str]]:
    """Yield `(VARIABLE, what to do)` for a server out there whose TLS is off or cannot work."""
    for name, address in (
        ("DATABASE_URL", settings.database_url),
        ("MIGRATION_DATABASE_URL", settings.migration_database_url),
    ):
        url = plain_url(address) if address else None
        if url is None or not is_remote(url):
            continue
        tls = tls_of(url, settings)
        if tls.mode in OPEN_MODES:
            text = (
                f"`{tls.mode}` would let the data of {name} travel in clear text: take "
                "verify-full with DB_SSL_ROOT_CERT, or at least require."
            )
            yield "DB_SSL_MODE", text
        elif tls.mode in VERIFYING_MODES and not tls.root_cert and _has_own_ca(url):
            text = (
                f"is missing: the server of {name} has a certificate of Supabase's own CA. "
                "Download that in the dashboard (Database Settings, SSL Configuration)."
            )
            yield "DB_SSL_ROOT_CERT", text


def _has_own_ca(url: URL) -> bool:
    return (url.host or "").endswith(_OWN_CA)


def _context(tls: Tls) -> ssl.SSLContext:
    text = _text(tls.root_cert)
    try:
        context = (
            ssl.create_default_context(cadata=text)
            if text
            else ssl.create_default_context(cafile=_path(tls.root_cert))
        )
    except OSError as error:  # an `SSLError` is one
        raise SettingsError(
            "The database's CA cannot be read: give DB_SSL_ROOT_CERT the path of a PEM file, or "
            "its text from -----BEGIN CERTIFICATE----- on."
        ) from error
    # Python 3.13 asks for fields that private CAs, unlike public ones, often leave out; libpq
    # does not.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    context.check_hostname = tls.mode == "verify-full"
    if tls.mode not in VERIFYING_MODES:
        context.verify_mode = ssl.CERT_NONE
    return context


def _path(root_cert: str | None) -> str:
    return str(Path(root_cert).expanduser()) if root_cert else certifi.where()


def _text(root_cert: str | None) -> str | None:
    """The PEM text, if it is one; environment variables often spell its line ends out."""
    if root_cert and "BEGIN CERTIFICATE" in root_cert:
        return root_cert.replace("\\n", "\n")
    return None


@cache
def _written(pem: str) -> str:
    """Write a PEM text where libpq can read it: it takes files alone."""
    try:
        descriptor, name = tempfile.mkstemp(suffix=".pem")
    except OSError as error:
        raise SettingsError(
            "DB_SSL_ROOT_CERT as a text has to be written to a file once, and there is no folder "
            "for temporary ones: mount /tmp, or give the path of a file."
        ) from error
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(pem)
    atexit.register(Path(name).unlink, missing_ok=True)
    return name
