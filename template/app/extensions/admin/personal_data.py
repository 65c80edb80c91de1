"""Personal data in the audit log."""

from app.core.personal_data import OMITTED

# It says who did what to whom, with the values before and after.
TABLES = {"admin_audit": OMITTED}
