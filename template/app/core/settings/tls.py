"""What the settings and an address of Postgres say about TLS.

Values in, values out: the settings are checked by this, so it knows none of them.
"""

import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import certifi
from sqlalchemy import URL

from app.core.settings.errors import SettingsError
from app.core.settings.postgres import is_remote

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


def resolve_tls(url: URL, *, mode: str | None, root_cert: str | None, online: bool) -> Tls:
    """What the settings say, else the address, else `verify-full` for a remote server when online.

    Raises:
        SettingsError: the address names an unknown mode.
    """
    query = {key: str(value) for key, value in url.query.items()}
    mode = mode or query.get("sslmode") or query.get("ssl")
    if mode is None and online and is_remote(url):
        mode = "verify-full"
    if mode not in (None, *MODES):
        raise SettingsError(f"sslmode={mode} is unknown: take one of {', '.join(MODES)}.")
    return Tls(mode, root_cert or query.get("sslrootcert"))


def check_ca(root_cert: str) -> str:
    """Return a CA, a path or a PEM text, if it can be read.

    Raises:
        SettingsError: it cannot.
    """
    ssl_context(Tls("verify-full", root_cert))
    return root_cert


def tls_problems(name: str, url: URL, tls: Tls) -> Iterator[tuple[str, str]]:
    """Yield `(VARIABLE, what to do)` for a remote server whose TLS is off or cannot work.

    `name` is the variable that holds the address.
    """
    if not is_remote(url):
        return
    if tls.mode in OPEN_MODES:
        text = (
            f"`{tls.mode}` would let the data of {name} travel in clear text: take "
            "verify-full with DB_SSL_ROOT_CERT, or at least require."
        )
        yield "DB_SSL_MODE", text
    elif tls.mode in VERIFYING_MODES and not tls.root_cert and (url.host or "").endswith(_OWN_CA):
        text = (
            f"is missing: the server of {name} has a certificate of Supabase's own CA. "
            "Download that in the dashboard (Database Settings, SSL Configuration)."
        )
        yield "DB_SSL_ROOT_CERT", text


def ssl_context(tls: Tls) -> ssl.SSLContext:
    """The context that verifies a server as the mode asks for.

    Raises:
        SettingsError: the CA cannot be read.
    """
    text = pem_text(tls.root_cert)
    try:
        context = (
            ssl.create_default_context(cadata=text)
            if text
            else ssl.create_default_context(cafile=certificate_path(tls.root_cert))
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


def certificate_path(root_cert: str | None) -> str:
    """Path of the CA, by default that of the public CAs."""
    return str(Path(root_cert).expanduser()) if root_cert else certifi.where()


def pem_text(root_cert: str | None) -> str | None:
    """The PEM text, if it is one; environment variables often spell its line ends out."""
    if root_cert and "BEGIN CERTIFICATE" in root_cert:
        return root_cert.replace("\\n", "\n")
    return None
