"""Personal data in the table of core."""

from app.core.personal_data import OMITTED

# Arguments and errors of tasks can hold anything, and no task may run a second time elsewhere.
TABLES = {"tasks": OMITTED}
