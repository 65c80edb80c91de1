"""Items of organizations; the members of an organization share them."""

# Features whose `service`, `deps` and `schemas` this one may import.
USES = ("organizations", "users")
