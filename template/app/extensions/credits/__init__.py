"""Credits: what people may spend, what it went on, and what each operation costs."""

# Features whose `service`, `deps` and `schemas` this one may import.
USES = ("users",)
