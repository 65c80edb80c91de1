"""Personal data in the table of visits."""

from app.core.personal_data import OMITTED

TABLES = {"organizations_admin_visits": OMITTED}
