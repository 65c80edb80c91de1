"""Mails about documents that are ready or have failed, for users who switch them on."""

# Features whose `service`, `deps` and `schemas` this one may import.
USES = ("documents", "email", "users")
