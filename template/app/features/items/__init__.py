"""Items, each its owner's alone."""

# Features whose `service`, `deps` and `schemas` this one may import.
USES = ("users",)
