"""Sessions of browsers: who uses pages and sites of this backend, kept on the server."""

# Features whose `service`, `deps` and `schemas` this one may import.
USES = ("users",)
