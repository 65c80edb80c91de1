"""TLS to Postgres: the mode, the CA, and the arguments of both drivers.

The drivers differ: with SQLAlchemy, asyncpg takes no `sslrootcert` from an address and trusts the
system's CAs; libpq reads no PEM text and trusts no CA by default. Nothing here reads the settings,
because the settings are validated with it.
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

from app.core.errors import SettingsError
from app.core.settings.postgres import is_remote

# The names are those of libpq. The first three allow clear text where the server has no TLS.
OPEN_MODES = ("disable", "allow", "prefer")
VERIFYING_MODES = ("verify-ca", "verify-full")
MODES = (*OPEN_MODES, "require", *VERIFYING_MODES)

# Supabase signs the certificates of its servers with its own CA, which no system trusts.
# Source: the dashboard's Database Settings, SSL Configuration.
_OWN_CA = (".supabase.co", ".supabase.com")


class Tls(NamedTuple):
    """The TLS of a connection: the mode (None: the driver's default) and a CA, path or PEM text.

    The methods raise SettingsError if the CA cannot be read.
    """

    mode: str | None
    root_cert: str | None

    def asyncpg_arguments(self) -> dict[str, Any]:
        """Return the arguments of `asyncpg.connect`."""
        if self.mode is None:
            return {}
        return {"ssl": self.mode if self.mode in OPEN_MODES else self.ssl_context()}

    def libpq_arguments(self) -> dict[str, Any]:
        """Return the arguments of `psycopg.connect`."""
        if self.mode not in VERIFYING_MODES:
            return {"sslmode": self.mode} if self.mode else {}
        self.ssl_context()  # checks the CA: libpq reports it only when it connects, less clearly
        path, text = self._ca()
        return {"sslmode": self.mode, "sslrootcert": path or _pem_file(text)}

    def ssl_context(self) -> ssl.SSLContext:
        """Return a context that verifies the server as the mode requires."""
        path, text = self._ca()
        try:
            context = ssl.create_default_context(cafile=path, cadata=text or None)
        except OSError as error:  # `ssl.SSLError` is a subclass
            raise SettingsError(
                "The database's CA cannot be read: set DB_SSL_ROOT_CERT to the path of a PEM file "
                "or to its text, which starts with -----BEGIN CERTIFICATE-----."
            ) from error
        # Python 3.13 requires fields that many private CAs leave out; libpq does not.
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        context.check_hostname = self.mode == "verify-full"
        if self.mode not in VERIFYING_MODES:
            context.verify_mode = ssl.CERT_NONE
        return context

    def _ca(self) -> tuple[str | None, str]:
        """Return the path or the text of the CA; without one, the path of the public CAs."""
        if self.root_cert and "BEGIN CERTIFICATE" in self.root_cert:
            return None, self.root_cert.replace("\\n", "\n")  # as environment variables hold it
        return str(Path(self.root_cert).expanduser()) if self.root_cert else certifi.where(), ""


def tls_problems(name: str, url: URL, tls: Tls) -> Iterator[tuple[str, str]]:
    """Yield `(VARIABLE, what to do)` for a remote server whose TLS is off or cannot work.

    `name` is the variable that holds the address.
    """
    if not is_remote(url):
        return
    if tls.mode in OPEN_MODES:
        text = (
            f"`{tls.mode}` allows the data of {name} to travel in clear text: use verify-full "
            "with DB_SSL_ROOT_CERT, or at least require."
        )
        yield "DB_SSL_MODE", text
    elif tls.mode in VERIFYING_MODES and not tls.root_cert and (url.host or "").endswith(_OWN_CA):
        text = (
            f"is missing: the server of {name} has a certificate of Supabase's own CA. "
            "Download the CA in the dashboard (Database Settings, SSL Configuration)."
        )
        yield "DB_SSL_ROOT_CERT", text


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
