"""Schedules of the code, and schedules that admins add at run time."""

# Features whose `service`, `deps` and `schemas` this one may import.
USES = ("users",)
