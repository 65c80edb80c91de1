"""`python -m tests.devstack.fake_dev ROOT [PORT]`: runs the runner with the small programs."""

import asyncio
import sys
from pathlib import Path

from devstack.env import load
from devstack.errors import DevStackError
from devstack.lock import folder_lock
from devstack.output import Output
from devstack.runner import Runner, api_socket


def main() -> int:
    root = Path(sys.argv[1])
    port = int(sys.argv[2]) if sys.argv[2:] else None
    with folder_lock(root) as lock, api_socket(port) as listening:
        runner = Runner(
            root,
            load(root),
            Output(sys.stdout),
            lock,
            listening,
            setup=[sys.executable, "-S", f"{root}/setup.py"],
            package="tests.devstack.fakes",
        )
        return asyncio.run(runner.run())


if __name__ == "__main__":
    try:
        sys.exit(main())
    except DevStackError as error:
        sys.exit(f"Error: {error}")
