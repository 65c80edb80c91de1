"""`python -m devstack.stripe`: the local Stripe as a separate process.

The secrets come from the environment, which other users of the machine cannot read.
"""

import argparse
import os
import socket
import sys
from pathlib import Path

from devstack.errors import DevStackError
from devstack.stripe.server import LocalStripe


def main() -> int:
    """Serve until a signal arrives, and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m devstack.stripe", description=__doc__)
    parser.add_argument("--fd", type=int, required=True, help="descriptor of the listening socket")
    parser.add_argument("--state", type=Path, default=None, help="file for all objects")
    parser.add_argument("--webhook-url", default="", help="address that gets all events")
    options = parser.parse_args()
    try:
        server = LocalStripe(
            options.state,
            listening=socket.socket(fileno=options.fd),
            key=os.environ.get("BILLING_STRIPE_KEY", ""),
            webhook_url=options.webhook_url,
            webhook_secret=os.environ.get("BILLING_WEBHOOK_SECRET", ""),
        )
    except DevStackError as error:
        print(f"Error: {error}", file=sys.stderr)
        return 1
    server.serve()
    return 0


if __name__ == "__main__":
    sys.exit(main())
