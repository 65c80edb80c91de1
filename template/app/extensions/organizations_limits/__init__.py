"""Limits of organizations: their members share a count, besides the one that each of them has."""

# Features whose `service`, `deps` and `schemas` this one may import.
USES = ("organizations",)
