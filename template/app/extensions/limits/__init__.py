"""Limits: how many requests each user and each address may send, by route and by tier."""

# Features whose `service`, `deps` and `schemas` this one may import.
USES = ("users",)
