"""Background tasks: their state, progress and result."""

# Features whose `service`, `deps` and `schemas` this one may import.
USES = ("users",)
