"""Shared TLS context for outgoing HTTPS."""

import ssl
from functools import cache

import httpx


@cache
def authorities() -> ssl.SSLContext:
    """Return a context with the CAs of certifi, or those of SSL_CERT_FILE and SSL_CERT_DIR.

    Pass it as `verify=` to every client of httpx. Without it, each client reads the CAs again,
    which blocks the event loop for about 40 ms.
    """
    return httpx.create_ssl_context()
