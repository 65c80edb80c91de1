"""Notices within a minute that the host of the database has vanished.

A host that loses its power or its network closes no connection. Without these options, a statement
that has been sent waits for its answer for two hours.
"""

import os
import socket
from typing import Any

# Seconds: the kernel probes a silent connection, and gives up where nothing acknowledges them.
_OPTIONS = {"TCP_KEEPIDLE": 30, "TCP_KEEPINTVL": 10, "TCP_KEEPCNT": 3}
_UNACKNOWLEDGED = 60_000  # milliseconds

KEEPALIVES = {
    "keepalives_idle": _OPTIONS["TCP_KEEPIDLE"],
    "keepalives_interval": _OPTIONS["TCP_KEEPINTVL"],
    "keepalives_count": _OPTIONS["TCP_KEEPCNT"],
    "tcp_user_timeout": _UNACKNOWLEDGED,
}
"""Arguments of libpq."""


def keep_alive(connection: Any, _record: object) -> None:
    """Set the same for a new connection of asyncpg, which has no arguments for it."""
    # There is no public way to the socket, and uvloop's socket cannot be changed: a copy of its
    # descriptor can.
    found = connection.driver_connection._transport.get_extra_info("socket")  # noqa: SLF001
    with socket.socket(fileno=os.dup(found.fileno())) as tcp:
        if tcp.family not in (socket.AF_INET, socket.AF_INET6):
            return
        tcp.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in {**_OPTIONS, "TCP_USER_TIMEOUT": _UNACKNOWLEDGED}.items():
            if hasattr(socket, name):  # not every system has all of them
                tcp.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
