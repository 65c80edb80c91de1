"""`python -m devstack.inbox`: the inbox as a separate process."""

import argparse
import socket

from devstack.inbox.server import InboxServer


def main() -> None:
    """Serve until a signal arrives."""
    parser = argparse.ArgumentParser(prog="python -m devstack.inbox", description=__doc__)
    parser.add_argument("--smtp-fd", type=int, required=True, help="socket for mails")
    parser.add_argument("--http-fd", type=int, required=True, help="socket for the page")
    options = parser.parse_args()
    InboxServer(
        socket.socket(fileno=options.smtp_fd), socket.socket(fileno=options.http_fd)
    ).serve()


if __name__ == "__main__":
    main()
