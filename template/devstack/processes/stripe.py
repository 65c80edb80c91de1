"""The local Stripe: payments without an account."""

import secrets

from devstack.ports import HOST, listen_near, port_of
from devstack.stack import Process, Stack

PORT = 12111


def process(stack: Stack) -> Process | None:
    """Return how to run the local Stripe, or None if there is a key of a real account."""
    if "BILLING_STRIPE_KEY" in stack.env:
        return None
    listening = listen_near(PORT)
    address = f"http://{HOST}:{port_of(listening)}"
    prefix = stack.env.get("API_PREFIX", "/api/v1")
    settings = {
        # Others at each start: they protect only what is on this machine.
        "BILLING_STRIPE_KEY": f"sk_test_{secrets.token_hex(16)}",
        "BILLING_WEBHOOK_SECRET": f"whsec_{secrets.token_hex(16)}",
        "BILLING_STRIPE_URL": address,
        "BILLING_RETURN_URL": stack.env.get("BILLING_RETURN_URL", f"{stack.site_url}/"),
    }
    return Process(
        name="stripe",
        command=[
            stack.python,
            *("-m", "devstack.stripe", "--fd", str(listening.fileno())),
            *("--state", str(stack.data / "stripe.sqlite3")),
            *("--webhook-url", f"{stack.api_url}{prefix}/webhooks/billing/stripe"),
        ],
        order=5,
        sockets=(listening,),
        settings=settings,
        addresses={"Local Stripe": address},
    )
