"""Arguments of both drivers for the TLS that the settings ask for.

The drivers differ by themselves: asyncpg knows no `sslrootcert` in an address and trusts the CAs of
the system, libpq reads no PEM text and trusts no CA.
"""

import atexit
import os
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import URL

from app.core.settings import SettingsError
from app.core.settings.tls import (
    OPEN_MODES,
    VERIFYING_MODES,
    Tls,
    certificate_path,
    pem_text,
    ssl_context,
)


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
    return {"ssl": tls.mode if tls.mode in OPEN_MODES else ssl_context(tls)}


def libpq_arguments(tls: Tls) -> dict[str, Any]:
    """The arguments of `psycopg.connect`.

    Raises:
        SettingsError: the CA cannot be read.
    """
    if tls.mode is None:
        return {}
    if tls.mode not in VERIFYING_MODES:
        return {"sslmode": tls.mode}
    ssl_context(tls)  # libpq would complain at the first connection, and less clearly
    text = pem_text(tls.root_cert)
    return {
        "sslmode": tls.mode,
        "sslrootcert": _written(text) if text else certificate_path(tls.root_cert),
    }


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
