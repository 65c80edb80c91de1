"""Flags of organizations: exceptions go together with the organization."""

# Features whose `service`, `deps` and `schemas` this one may import.
USES = ("flags",)
