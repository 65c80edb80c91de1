"""E-mail: mails of features, sent once and seen before they are sent."""

# Features whose `service`, `deps` and `schemas` this one may import.
USES = ("users",)
