"""Feature flags: switches that are declared in code and changed while the backend runs."""

# Features whose `service`, `deps` and `schemas` this one may import.
USES = ("analytics", "users")
