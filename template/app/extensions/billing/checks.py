"""The checks that `app doctor` runs for this feature."""

import asyncio
from collections.abc import Callable

import stripe

from app.core.cli.errors import CliError, DoubtfulError
from app.core.errors import AppError
from app.core.settings import load_settings
from app.extensions.billing.service import catalogue_sync
from app.extensions.billing.service.catalogue import catalogue
from app.extensions.billing.service.client import stripe_client
from app.extensions.billing.settings import BillingSettings


def account() -> str:
    """Read the catalogue at Stripe with the key.

    Raises:
        CliError: Stripe refuses the key, or does not answer.
        DoubtfulError: there is no key or no secret, or Stripe differs from app/plans.py.
    """
    settings = load_settings(BillingSettings)
    if settings.stripe_key is None:
        raise DoubtfulError("BILLING_STRIPE_KEY is not set: nothing can be bought")

    async def differences() -> int:
        async with stripe_client() as client:
            return len(await catalogue_sync.differences(client, catalogue()))

    try:
        count = asyncio.run(differences())
    except (AppError, stripe.StripeError) as error:
        raise CliError(f"Stripe: {error}") from error
    if count:
        raise DoubtfulError(f"Stripe differs from app/plans.py {count} times: app billing sync")
    if settings.webhook_secret is None:
        raise DoubtfulError("BILLING_WEBHOOK_SECRET is not set: payments arrive at night only")
    mode = "live" if settings.live else "test"
    return f"{mode} mode at {settings.stripe_url}, catalogue in line with app/plans.py"


CHECKS: dict[str, Callable[[], str]] = {"stripe": account}
