"""Documents: tasks extract, split and embed uploaded files; users search them.

The search is by meaning and by words.
"""

# Features whose `service`, `deps` and `schemas` this one may import.
USES = ("tasks", "users")
