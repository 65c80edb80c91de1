"""A local Stripe, and the catalogue of these tests."""

from collections.abc import AsyncIterator, Iterator

import pytest
from httpx import AsyncClient
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.settings import load_settings
from app.extensions.billing.service.catalogue import catalogue
from devstack.stripe import LocalStripe
from tests.extensions.billing.shop import KEY, SECRET, Shop

PLANS = "tests.extensions.billing.plans"


@pytest.fixture
def plans() -> str:
    """The module with the catalogue; other tests have another one."""
    return PLANS


@pytest.fixture
def local_stripe() -> Iterator[LocalStripe]:
    with LocalStripe() as local:
        yield local


@pytest.fixture
def billing_environment(local_stripe: LocalStripe, plans: str) -> dict[str, str]:
    """What a process needs to use this Stripe."""
    return {
        "BILLING_STRIPE_URL": local_stripe.url,
        "BILLING_STRIPE_KEY": KEY,
        "BILLING_WEBHOOK_SECRET": SECRET,
        "BILLING_PLANS": plans,
    }


@pytest.fixture
def configured(
    billing_environment: dict[str, str], monkeypatch: pytest.MonkeyPatch, fresh_settings: None
) -> Iterator[None]:
    """Our side uses this Stripe."""
    for name, value in billing_environment.items():
        monkeypatch.setenv(name, value)
    load_settings.cache_clear()
    catalogue.cache_clear()
    yield
    catalogue.cache_clear()


@pytest.fixture
async def shop(
    local_stripe: LocalStripe, configured: None, client: AsyncClient, session: AsyncSession
) -> AsyncIterator[Shop]:
    shop = Shop(local_stripe, client, session)
    await shop.open()
    yield shop
    # Whatever a test did, nothing may be stuck.
    assert [event for event in await shop.waiting() if event not in shop.stuck] == []
