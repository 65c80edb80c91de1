"""TCP ports on 127.0.0.1."""

import socket

HOST = "127.0.0.1"


def listen(port: int) -> socket.socket:
    """Open a listening socket on `port` (0: any free one).

    Raises:
        OSError: the port is taken or not allowed.
    """
    server = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        # Connections of an earlier server that are still closing do not make a port taken.
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind((HOST, port))
        server.listen(128)
    except OSError:
        server.close()
        raise
    return server


def free_port(preferred: int | None = None) -> int:
    """Return `preferred` if nobody listens there, else any free port."""
    for port in (preferred or 0, 0):
        try:
            with listen(port) as server:
                return int(server.getsockname()[1])
        except OSError:
            continue
    raise OSError("no free TCP port on 127.0.0.1")
