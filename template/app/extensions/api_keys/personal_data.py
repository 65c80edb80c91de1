"""Personal data in the tables of keys."""

from app.core.personal_data import OMITTED

# A copy must not accept the keys of production.
TABLES = {"api_keys": OMITTED, "api_keys_addresses": OMITTED}
