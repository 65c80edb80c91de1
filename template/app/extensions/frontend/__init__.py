"""The React application in `web/`: serves its build, and tells it about this deployment."""

# Features whose `service`, `deps` and `schemas` this one may import.
USES = ()
