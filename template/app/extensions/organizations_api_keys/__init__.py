"""API keys of organizations: machines work in one organization, and for no user."""

# Features whose `service`, `deps` and `schemas` this one may import.
USES = ("api_keys", "organizations", "users")
