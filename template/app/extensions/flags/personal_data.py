"""Personal data in the tables of flags: ids only."""

from app.core.personal_data import Rows

TABLES = {
    "flags_states": Rows(keep=["name", "percentage"]),
    "flags_overrides": Rows(keep=["name", "kind"]),
}
