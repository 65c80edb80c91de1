"""Rates of single API keys."""

# Features whose `service`, `deps` and `schemas` this one may import.
USES = ("api_keys", "limits")
