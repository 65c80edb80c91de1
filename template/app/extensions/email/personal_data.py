"""Personal data in the tables of mails."""

from app.core.personal_data import OMITTED, Rows, Rule

TABLES = {
    # Recipients and contents.
    "email_mails": OMITTED,
    "email_suppressions": Rows({"address": Rule.EMAIL, "details": Rule.EMPTY}, keep=["reason"]),
    "email_preferences": Rows({"address": Rule.EMAIL}, keep=["category"]),
}
