"""Billing of organizations: they subscribe, and their members use the plan."""

# Features whose `service`, `deps` and `schemas` this one may import.
USES = ("billing", "organizations", "users")
