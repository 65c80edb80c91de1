"""Personal data in the tables of analytics."""

from app.core.personal_data import OMITTED, Rows

TABLES = {
    "analytics_consents": Rows(),
    # A copy would send them a second time.
    "analytics_events": OMITTED,
}
