"""Credits: accounts with a ledger, prices of operations, holds, and tiers."""

# Features whose `service`, `deps` and `schemas` this one may import.
USES = ("users",)
