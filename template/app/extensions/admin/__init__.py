"""The admin site at /admin. It shows the views that the features define in `admin.py`."""

# Features whose `service`, `deps` and `schemas` this one may import.
USES = ("sessions", "users")
