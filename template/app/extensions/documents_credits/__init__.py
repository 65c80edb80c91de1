"""What it costs to process a document: a listener between documents and credits."""

# Features whose `service`, `deps` and `schemas` this one may import.
USES = ("credits",)
