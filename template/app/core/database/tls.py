"""Arguments of both drivers for the TLS that the settings ask for.

They are built here because the drivers differ: with SQLAlchemy, asyncpg takes no `sslrootcert` from
an address and trusts the system's CAs; libpq reads no PEM text and trusts no CA by default.
"""

import atexit
import os
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import URL

from app.core.settings import SettingsError
from app.core.settings.tls import OPEN_MODES, VERIFYING_MODES, Tls


def without_tls(url: URL) -> URL:
    """Return the address without the parameters that `CoreSettings.tls_of` reads."""
    return url.difference_update_query(["sslmode", "ssl", "sslrootcert"])


def asyncpg_arguments(tls: Tls) -> dict[str, Any]:
    """Return the arguments of `asyncpg.connect`; a CA that cannot be read is a SettingsError."""
    if tls.mode is None:
        return {}
    return {"ssl": tls.mode if tls.mode in OPEN_MODES else tls.ssl_context()}


def libpq_arguments(tls: Tls) -> dict[str, Any]:
    """Return the arguments of `psycopg.connect`; a CA that cannot be read is a SettingsError."""
    if tls.mode not in VERIFYING_MODES:
        return {"sslmode": tls.mode} if tls.mode else {}
    tls.ssl_context()  # checks the CA: libpq reports it only when it connects, and less clearly
    return {
        "sslmode": tls.mode,
        "sslrootcert": _pem_file(tls.ca_text) if tls.ca_text else tls.ca_path,
    }


@cache
def _pem_file(text: str) -> str:
    try:
        descriptor, name = tempfile.mkstemp(suffix=".pem")
    except OSError as error:
        raise SettingsError(
            "DB_SSL_ROOT_CERT holds a text, which psycopg needs as a file, and no folder for "
            "temporary files can be written: mount /tmp, or set the path of a file."
        ) from error
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    atexit.register(Path(name).unlink, missing_ok=True)
    return name
