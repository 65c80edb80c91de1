"""Items of users; each belongs to its owner alone."""

# Features whose `service`, `deps` and `schemas` this one may import.
USES = ("users",)
