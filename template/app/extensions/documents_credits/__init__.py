"""Processing of documents costs credits. This feature connects documents and credits."""

# Features whose `service`, `deps` and `schemas` this one may import.
USES = ("credits",)
