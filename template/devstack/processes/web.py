"""The frontend: Vite, which passes requests of the API on, so that the browser knows one origin."""

import subprocess
import sys
from pathlib import Path

from devstack.node import reason_not_to_run, web_folder
from devstack.ports import listen_near, port_of
from devstack.stack import Process, Stack

PORT = 5173


def process(stack: Stack) -> Process | None:
    """Return how to run Vite, or None if it is not installed: the rest runs without it."""
    if reason_not_to_run(stack.root):
        return None
    # Vite opens the port itself, so another program could take it in between; Vite would say so.
    with listen_near(PORT) as listening:
        port = port_of(listening)
    return Process(
        name="web",
        command=[
            *(stack.python, "-m", "app", "web", "dev"),
            *("--port", str(port), "--api", stack.api_url),
        ],
        order=50,
        addresses={"Frontend": stack.public_url(port)},
    )


def addresses(stack: Stack) -> dict[str, str]:
    """Say what is missing, if the frontend does not run."""
    reason = reason_not_to_run(stack.root)
    return {"Frontend": reason} if reason else {}


def setup(root: Path) -> None:
    """Install the packages, for `app setup`; without a network, the rest is set up all the same."""
    if not (web_folder(root) / "package.json").exists():
        return  # a team may have deleted it
    command = [sys.executable, "-m", "app", "web", "install"]
    if subprocess.run(command, cwd=root, check=False).returncode:
        print("frontend: not installed. Repeat it with a network: uv run app web install")
