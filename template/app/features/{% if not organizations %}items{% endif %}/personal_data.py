"""Personal data in the table of items."""

from app.core.personal_data import Rows, Rule

TABLES = {"items": Rows({"title": Rule.TEXT, "notes": Rule.TEXT})}
