"""Personal data in the table of users."""

from app.core.personal_data import Rows, Rule

TABLES = {
    "users": Rows({"email": Rule.EMAIL, "display_name": Rule.NAME}, keep=["role", "status"]),
}
