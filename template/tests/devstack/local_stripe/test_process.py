"""The process of the dev stack."""

from pathlib import Path

from devstack.ports import HOST, listen, port_of
from devstack.processes import stripe
from devstack.stack import Stack


def test_the_application_gets_address_key_and_secret(tmp_path: Path) -> None:
    with listen(0) as api:
        process = stripe.process(Stack(tmp_path, {"API_PREFIX": "/v9"}, api))
        assert process is not None
        opened = process.sockets[0]
        with opened:
            address = f"http://{HOST}:{port_of(opened)}"
            assert process.settings["BILLING_STRIPE_URL"] == address
            assert process.settings["BILLING_STRIPE_KEY"].startswith("sk_test_")
            hook = f"http://{HOST}:{port_of(api)}/v9/webhooks/billing/stripe"
            assert process.command[-2:] == ["--webhook-url", hook]
            # The command line of a process is no place for secrets.
            assert not set(process.settings.values()) & set(process.command)


def test_a_key_of_an_account_replaces_it(tmp_path: Path) -> None:
    with listen(0) as api:
        key = {"BILLING_STRIPE_KEY": "any"}
        assert stripe.process(Stack(tmp_path, key, api)) is None
