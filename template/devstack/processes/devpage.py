"""The development page: what the other processes did a moment ago."""

import secrets

from devstack.ports import HOST, listen_near, port_of
from devstack.stack import Process, Stack

PORT = 8020
# What the server reads of `.env`.
VALUES = ("DEV_SLOW_MS", "SUPABASE_SECRET_KEY")


def process(stack: Stack) -> Process:
    """Return how to run the page, and what makes the other processes send their records to it."""
    listening = listen_near(PORT)
    port = port_of(listening)
    return Process(
        name="devpage",
        command=[
            stack.python,
            *("-m", "devstack.devpage", "--fd", str(listening.fileno())),
            *("--api-url", stack.api_url),
        ],
        order=5,
        restart=True,
        sockets=(listening,),
        env={name: stack.env[name] for name in VALUES if name in stack.env},
        shared_env={
            "EXTRA_FEATURES": "devstack.devpage.recorder",
            "DEV_PAGE_PORT": str(port),
            "DEV_PAGE_KEY": secrets.token_urlsafe(24),
        },
        addresses={"Development page": f"http://{HOST}:{port}"},
    )
