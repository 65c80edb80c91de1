"""Sessions of browsers: who uses the pages, kept on the server."""

# Features whose `service`, `deps` and `schemas` this one may import.
USES = ("users",)
