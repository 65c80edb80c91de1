"""What all HTTP clients share: the CAs, and no proxy for this machine."""

import ssl
from functools import cache
from typing import Any

import httpx

from app.core.settings.core import LOOPBACK


@cache
def authorities() -> ssl.SSLContext:
    """Return a context with the CAs of certifi, or those of SSL_CERT_FILE and SSL_CERT_DIR.

    Without it, each client reads the CAs again, which blocks the event loop for about 40 ms.
    """
    return httpx.create_ssl_context()


def client_options() -> dict[str, Any]:
    """Return arguments for every client: `httpx.AsyncClient(**client_options(), timeout=5)`.

    A proxy from HTTP_PROXY, HTTPS_PROXY or ALL_PROXY is used for other hosts only.
    """
    direct = {f"all://[{host}]" if ":" in host else f"all://{host}": None for host in LOOPBACK}
    return {"verify": authorities(), "mounts": direct}
