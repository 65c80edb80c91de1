"""TCP ports on 127.0.0.1."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

HOST = "127.0.0.1"
UNAVAILABLE = (
    b"HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Type: text/plain\r\n\r\n"
    b"This process does not run. The output of `app dev` says why.\n"
)


def listen(port: int) -> socket.socket:
    """Open a listening socket on `port` (0: any free port).

    Raises:
        OSError: the port is in use or not allowed.
    """
    server = socket.create_server((HOST, port), backlog=128)
    # Connections inherit it. Without it, the body of an answer may wait 40 ms for the client to
    # confirm the headers.
    server.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return server


def listen_near(preferred: int) -> socket.socket:
    """Open a listening socket on `preferred`, or on any free port if that one is in use.

    A process that inherits the socket cannot lose the port to another process.
    """
    try:
        return listen(preferred)
    except OSError:
        return listen(0)


def port_of(server: socket.socket) -> int:
    """Return the port of a listening socket."""
    return int(server.getsockname()[1])


def free_port(preferred: int | None = None) -> int:
    """Return `preferred` if it is free, otherwise any free port.

    For a server that opens its port itself. Another process may take the port first.
    """
    with listen_near(preferred or 0) as server:
        return port_of(server)


@asynccontextmanager
async def unavailable(sockets: Iterable[socket.socket]) -> AsyncIterator[None]:
    """Answer requests with 503. Otherwise they wait until a process serves the sockets."""

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(65536)
        writer.write(UNAVAILABLE)
        writer.close()

    servers = [await asyncio.start_server(refuse, sock=each.dup()) for each in sockets]
    try:
        yield
    finally:
        for server in servers:
            server.close()
        for each in sockets:
            each.setblocking(True)  # as before: both files share this
