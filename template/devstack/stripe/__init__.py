"""The local Stripe: the parts of Stripe that a backend with subscriptions uses, without an account.

Products, customers, checkout, subscriptions, invoices, refunds, disputes, events with signed
webhooks, and test clocks, at the version of `account.API_VERSION`. It is checked with Stripe's own
clients, see `tests/devstack/stripe`.
"""

from devstack.stripe.server import LocalStripe

__all__ = ["LocalStripe"]
