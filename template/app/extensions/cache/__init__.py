"""Cache: results of functions and answers of routes, kept in Redis for the right person."""

# Features whose `service`, `deps` and `schemas` this one may import.
USES = ("users",)
