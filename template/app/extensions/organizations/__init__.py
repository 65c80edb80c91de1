"""Organizations: tenants with members, roles and invitations, which never see each other."""

# Features whose `service`, `deps` and `schemas` this one may import.
USES = ("users",)
