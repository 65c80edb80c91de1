"""The state on disk: a killed process loses nothing that was answered."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from devstack.errors import DevStackError
from devstack.ports import listen, port_of
from devstack.stripe import LocalStripe
from tests.devstack.local_stripe.world import DAY, KEY, START, World


@contextmanager
def running(state: Path, listening: socket.socket) -> Iterator[subprocess.Popen[bytes]]:
    """Run the local Stripe as `app dev` does."""
    command = [sys.executable, "-m", "devstack.stripe", "--fd", str(listening.fileno())]
    process = subprocess.Popen(
        [*command, "--state", str(state)],
        pass_fds=[listening.fileno()],
        env={**os.environ, "BILLING_STRIPE_KEY": KEY},
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@pytest.fixture
def remote() -> Iterator[tuple[World, socket.socket]]:
    """The client for a server in another process. Requests wait until it listens."""
    listening = listen(0)
    world = World(f"http://127.0.0.1:{port_of(listening)}")
    yield world, listening
    world.close()
    listening.close()


def test_a_killed_process_loses_nothing(
    remote: tuple[World, socket.socket], tmp_path: Path
) -> None:
    world, listening = remote
    state = tmp_path / "stripe.sqlite3"
    with running(state, listening):
        world.freeze()
        price, customer = world.price(lookup_key="pro"), world.customer()
        subscription = world.subscribe(customer, price)
        options = {"idempotency_key": "signup-1"}
        other = world.api.customers.create({"email": "b@example.com"}, options)
        before = world.events()
    with running(state, listening):
        assert world.events() == before
        assert world.api.subscriptions.retrieve(subscription.id).status == "active"
        # Neither the key nor the work of the future is forgotten.
        again = world.api.customers.create({"email": "b@example.com"}, options)
        assert again.id == other.id
        world.advance(START + 32 * DAY)
        assert len(world.api.invoices.list({"customer": customer.id}).data) == 2


def test_a_clock_goes_on_after_a_kill(remote: tuple[World, socket.socket], tmp_path: Path) -> None:
    world, listening = remote
    state = tmp_path / "stripe.sqlite3"
    clocks = world.api.test_helpers.test_clocks
    end = START + 400 * DAY
    with running(state, listening):
        world.freeze()
        price = world.price()
        for _ in range(5):
            world.subscribe(world.customer(), price)
        clocks.advance(world.clock, {"frozen_time": end})
    with running(state, listening):
        world.wait(lambda: clocks.retrieve(world.clock).status == "ready")
        invoices = [*world.api.invoices.list({"limit": 100}).auto_paging_iter()]
        assert len(invoices) == 5 * 14
        assert len({(each.customer, each.created) for each in invoices}) == 5 * 14


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    state = tmp_path / "stripe.sqlite3"
    state.write_text("This is no database, and it is long enough to be noticed." * 20)
    with pytest.raises(DevStackError):
        LocalStripe(state)


def test_only_the_owner_can_read_it(tmp_path: Path) -> None:
    state = tmp_path / "stripe.sqlite3"
    LocalStripe(state).stop()
    assert state.stat().st_mode & 0o777 == 0o600


def test_the_endpoint_of_the_application_follows_its_address(tmp_path: Path) -> None:
    state = tmp_path / "stripe.sqlite3"
    for port in (8000, 8001):
        url = f"http://127.0.0.1:{port}/hook"
        with LocalStripe(state, webhook_url=url, webhook_secret="whsec_local") as server:
            world = World(server.url)
            endpoints = world.api.webhook_endpoints.list().data
            assert [each.url for each in endpoints] == [url]
            world.close()


def test_a_seed_makes_the_ids_the_same() -> None:
    found = []
    for _ in range(2):
        with LocalStripe(seed="one") as server:
            world = World(server.url)
            found.append(world.customer(card=None).id)
            world.close()
    assert found[0] == found[1]
