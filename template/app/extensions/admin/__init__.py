"""The admin site at /admin: what every feature's `admin.py` shows there."""

# Features whose `service`, `deps` and `schemas` this one may import.
USES = ("users",)
