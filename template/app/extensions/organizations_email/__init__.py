"""Invitations to organizations, sent by mail."""

# Features whose `service`, `deps` and `schemas` this one may import.
USES = ("email", "organizations", "users")
