"""Mails about payments: one that has failed, and the end of a plan."""

# Features whose `service`, `deps` and `schemas` this one may import.
USES = ("billing", "email", "users")
