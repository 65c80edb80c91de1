"""Account pages: sign up, sign in, passwords, and the sessions of a user."""

# Features whose `service`, `deps` and `schemas` this one may import.
USES = ("sessions", "users")
