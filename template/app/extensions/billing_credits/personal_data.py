"""Personal data in the table of this feature: none."""

from app.core.personal_data import Rows

TABLES = {"billing_credits_invoices": Rows(keep=["granted", "due", "taken", "owed"])}
