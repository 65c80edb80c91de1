"""Credits of organizations: their members pay from one account."""

# Features whose `service`, `deps` and `schemas` this one may import.
USES = ("credits", "organizations", "users")
