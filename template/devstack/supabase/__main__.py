"""`python -m devstack.supabase`: the local Supabase as a separate process."""

import argparse
import os
import socket
import sys
from pathlib import Path

from devstack.errors import DevStackError
from devstack.supabase.server import LocalSupabase


def main() -> int:
    """Serve until a signal arrives, and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m devstack.supabase", description=__doc__)
    parser.add_argument("--fd", type=int, required=True, help="descriptor of the listening socket")
    parser.add_argument(
        "--state", type=Path, default=None, help="file for users, sessions and keys"
    )
    parser.add_argument("--api-url", default="", help="address of the API, for the sign-in page")
    options = parser.parse_args()
    # From the environment, because arguments are visible in `ps`.
    keys = {
        name.lower().removeprefix("supabase_"): os.environ[name]
        for name in ("SUPABASE_PUBLISHABLE_KEY", "SUPABASE_SECRET_KEY")
        if os.environ.get(name)
    }
    try:
        listening = socket.socket(fileno=options.fd)
        server = LocalSupabase(options.state, listening=listening, api_url=options.api_url, **keys)
    except DevStackError as error:
        print(f"Error: {error}", file=sys.stderr)
        return 1
    server.serve()
    return 0


if __name__ == "__main__":
    sys.exit(main())
