"""A page that shows workers and tasks."""

import secrets

from devstack.ports import HOST, listen_near, port_of
from devstack.stack import Process, Stack

PORT = 5555


def fresh_values() -> dict[str, str]:
    """Generate name and password to sign in with."""
    return {"FLOWER_USER": "admin", "FLOWER_PASSWORD": secrets.token_urlsafe(12)}


def process(stack: Stack) -> Process:
    """Return how to run Flower."""
    listening = listen_near(PORT)
    sign_in = (stack.env.get("FLOWER_USER", ""), stack.env.get("FLOWER_PASSWORD", ""))
    return Process(
        name="flower",
        command=[stack.python, "-m", "app", "flower", "--fd", str(listening.fileno())],
        order=40,
        reload=True,
        sockets=(listening,),
        addresses={"Flower": f"http://{HOST}:{port_of(listening)}"},
        sign_ins={"Flower": sign_in},
    )
