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


def listen_near(preferred: int) -> socket.socket:
    """Open a listening socket on `preferred`, or on any free port where that is taken.

    A process that inherits it need not hurry to the port before somebody else.
    """
    try:
        return listen(preferred)
    except OSError:
        return listen(0)


def port_of(server: socket.socket) -> int:
    """The port that a socket listens on."""
    return int(server.getsockname()[1])


def free_port(preferred: int | None = None) -> int:
    """Return `preferred` if nobody listens there, else any free port.

    For a server that opens its port itself; another one may be there first.
    """
    with listen_near(preferred or 0) as server:
        return port_of(server)
