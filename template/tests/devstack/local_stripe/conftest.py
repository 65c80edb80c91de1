"""A local Stripe for each test."""

from collections.abc import Iterator

import pytest

from devstack.stripe import LocalStripe
from tests.devstack.local_stripe.sink import Sink, receiving
from tests.devstack.local_stripe.world import World


@pytest.fixture
def server() -> Iterator[LocalStripe]:
    """A local Stripe, empty."""
    with LocalStripe(retries=(0.05, 0.05, 0.05)) as server:
        yield server


@pytest.fixture
def world(server: LocalStripe) -> Iterator[World]:
    """Stripe's own client for it."""
    world = World(server.url)
    yield world
    world.close()


@pytest.fixture
def sink() -> Iterator[Sink]:
    """A webhook endpoint that keeps what it gets."""
    with receiving() as sink:
        yield sink
