"""Whom this process believes when it speaks HTTPS."""

import ssl
from functools import cache

import httpx


@cache
def authorities() -> ssl.SSLContext:
    """The certificate authorities of certifi, or those of SSL_CERT_FILE and SSL_CERT_DIR.

    For `verify=` of every client of httpx. Each would read them anew otherwise, which takes some
    40 ms of processor time, and an event loop stands still meanwhile.
    """
    return httpx.create_ssl_context()
