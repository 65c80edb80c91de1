"""Analytics: what users do, sent to PostHog with their consent and without names or addresses."""

# Features whose `service`, `deps` and `schemas` this one may import.
USES = ("users",)
