"""Stripe's own command line, from npm, with this server in place of Stripe's."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.devstack.local_stripe.world import World

PROGRAM = shutil.which("stripe")
# The command line checks the length of the key.
KEY = "_".join(("sk", "test", "0" * 24))

pytestmark = pytest.mark.skipif(
    PROGRAM is None, reason="npm install --global @stripe/cli brings it"
)


def stripe(world: World, home: Path, *arguments: str) -> str:
    """Run a command, and return its output."""
    done = subprocess.run(
        [str(PROGRAM), *arguments, "--api-key", KEY, "--api-base", world.url],
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "XDG_CONFIG_HOME": str(home),
            "STRIPE_CLI_TELEMETRY_OPTOUT": "1",
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_resources(world: World, tmp_path: Path) -> None:
    assert '"object": "product"' in stripe(world, tmp_path, "products", "create", "--name", "Pro")
    assert '"name": "Pro"' in stripe(world, tmp_path, "get", "/v1/products")


@pytest.mark.parametrize(
    "event",
    [
        "charge.dispute.created",
        "charge.refunded",
        "checkout.session.completed",
        "checkout.session.expired",
        "customer.created",
        "customer.deleted",
        "customer.subscription.created",
        "customer.subscription.deleted",
        "customer.subscription.trial_will_end",
        "customer.subscription.updated",
        "customer.updated",
        "invoice.finalized",
        "invoice.paid",
        "invoice.payment_failed",
        "invoice.voided",
        "payment_intent.payment_failed",
        "payment_intent.succeeded",
        "price.updated",
        "product.deleted",
    ],
)
def test_triggers(world: World, tmp_path: Path, event: str) -> None:
    stripe(world, tmp_path, "trigger", event)
    assert event in world.events()
