"""Billing pages: prices, checkout, subscription and invoices, and the page of a missing feature."""

# Features whose `service`, `deps` and `schemas` this one may import.
USES = ("billing", "sessions", "users")
