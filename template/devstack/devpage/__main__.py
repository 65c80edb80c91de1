"""`python -m devstack.devpage`: the development page as a separate process.

The key of the records comes from the environment: see `devstack.processes.devpage`.
"""

import argparse
import os
import socket

from devstack.devpage.server import SLOW_MS, DevPage


def main() -> None:
    """Serve until a signal arrives."""
    parser = argparse.ArgumentParser(prog="python -m devstack.devpage", description=__doc__)
    parser.add_argument("--fd", type=int, required=True, help="descriptor of the listening socket")
    parser.add_argument("--api-url", default="", help="address of the API, for curl")
    options = parser.parse_args()
    try:
        slow = float(os.environ.get("DEV_SLOW_MS") or SLOW_MS)
    except ValueError:
        raise SystemExit("Error: DEV_SLOW_MS is wrong: write milliseconds, as 500.") from None
    DevPage(
        socket.socket(fileno=options.fd),
        key=os.environ["DEV_PAGE_KEY"],
        api_url=options.api_url,
        slow=slow,
    ).serve()


if __name__ == "__main__":
    main()
