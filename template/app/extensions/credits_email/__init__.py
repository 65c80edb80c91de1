"""Mails about credits: a low balance, and a report each week, for users who switch them on."""

# Features whose `service`, `deps` and `schemas` this one may import.
USES = ("credits", "email", "users")
