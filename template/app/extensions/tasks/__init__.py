"""Background work: what became of a task that the caller started."""

# Features whose `service`, `deps` and `schemas` this one may import.
USES = ("users",)
