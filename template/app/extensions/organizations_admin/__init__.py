"""Visits: people of the support team open an organization for some minutes."""

# Features whose `service`, `deps` and `schemas` this one may import.
USES = ("admin", "organizations", "users")
