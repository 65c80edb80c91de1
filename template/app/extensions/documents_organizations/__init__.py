"""Documents of organizations: their members share them."""

# Features whose `service`, `deps` and `schemas` this one may import.
USES = ("documents", "organizations", "users")
