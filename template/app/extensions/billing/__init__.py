"""Billing: subscriptions and one-off purchases, paid through Stripe."""

# Features whose `service`, `deps` and `schemas` this one may import.
USES = ("users",)
