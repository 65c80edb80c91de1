"""What runs when: the schedules of the code, and those made while the backend runs."""

# Features whose `service`, `deps` and `schemas` this one may import.
USES = ("users",)
