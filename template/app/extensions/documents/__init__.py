"""Documents: uploaded, read, split and embedded by tasks; searched by meaning and by words."""

# Features whose `service`, `deps` and `schemas` this one may import.
USES = ("tasks", "users")
