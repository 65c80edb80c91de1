"""TLS to Postgres: the mode, and the CA that is trusted.

Nothing here reads the settings, because the settings are validated with it.
"""

import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

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
    """The TLS of a connection: the mode (None: the driver's default) and a CA, path or PEM text."""

    mode: str | None
    root_cert: str | None

    @property
    def ca_text(self) -> str | None:
        """The CA, if it was given as PEM text; environment variables often escape its line ends."""
        if self.root_cert and "BEGIN CERTIFICATE" in self.root_cert:
            return self.root_cert.replace("\\n", "\n")
        return None

    @property
    def ca_path(self) -> str | None:
        """Path of the CA, by default that of the public CAs; None if it was given as text."""
        if self.ca_text:
            return None
        return str(Path(self.root_cert).expanduser()) if self.root_cert else certifi.where()

    def ssl_context(self) -> ssl.SSLContext:
        """Return a context that verifies the server as the mode requires.

        Raises:
            SettingsError: the CA cannot be read.
        """
        try:
            context = ssl.create_default_context(cafile=self.ca_path, cadata=self.ca_text)
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
