"""API keys: machines call the API for a user, within scopes."""

# Features whose `service`, `deps` and `schemas` this one may import.
USES = ("users",)
