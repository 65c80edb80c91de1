"""Credits that come with plans and packs, granted when their invoice is paid."""

# Features whose `service`, `deps` and `schemas` this one may import.
USES = ("billing", "credits")
